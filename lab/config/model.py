"""The architecture of a GPT, and what it costs.

Each choice is a closed tagged union in a file of its own; the module that builds it has one
`match`. A variant's class knows its own parameters and matrix products, so that counts need no
torch.

Conventions:
- the vocabulary belongs to the tokenizer, not to the architecture: counts take `vocab_size`;
- FLOPs are those of matrix products, a multiply and an add counted as two, attention over the
  full T x T square (as in PaLM, Chowdhery et al. 2022, appendix B); a training step is three
  times the forward pass.
"""

from pydantic import Field, model_validator

from lab.config.attention import (
    Attention,
    GroupedQueryAttention,
    MultiHeadAttention,
    MultiQueryAttention,
)
from lab.config.base import Strict
from lab.config.mlp import MLP, GeluMLP, NoMLP
from lab.config.norm import LayerNorm, Norm, Placement
from lab.config.position import (
    AlibiPosition,
    LearnedPosition,
    NoPosition,
    Position,
    RopePosition,
    SinusoidalPosition,
)


class ModelConfig(Strict):
    """A decoder-only transformer (Radford et al. 2018, 2019)."""

    n_layers: int = Field(ge=1, le=1000)
    n_heads: int = Field(ge=1)
    d_model: int = Field(ge=1, le=2**17)
    max_seq_len: int = Field(ge=2, le=2**24)
    position: Position = LearnedPosition()
    norm: Norm = LayerNorm()
    norm_placement: Placement = "pre"
    mlp: MLP = GeluMLP()
    attention: Attention = MultiHeadAttention()
    bias: bool = False
    tie_embeddings: bool = True
    dropout: float = Field(0.0, ge=0, lt=1)
    logit_cap: float | None = Field(None, gt=0, description="cap * tanh(logits / cap)")
    init_std: float = Field(0.02, gt=0)

    @model_validator(mode="after")
    def _parts_fit(self) -> "ModelConfig":
        self._check_heads()
        self._check_position()
        window = self.attention.window
        if window is not None and window >= self.max_seq_len:
            raise ValueError(
                f"attention.window={window} hides nothing within max_seq_len={self.max_seq_len}; "
                "take a smaller window, or leave it out"
            )
        return self

    def _check_heads(self) -> None:
        d, heads = self.d_model, self.n_heads
        if d % heads:
            below, above = d // heads * heads, (d // heads + 1) * heads
            near = f"{below} or {above}" if below else f"{above}"
            raise ValueError(f"d_model={d} is not a multiple of n_heads={heads}; try {near}")
        if self.attention.qk_norm and self.head_dim == 1:
            raise ValueError(
                f"attention.qk_norm leaves of a query or key of head_dim={self.head_dim} nothing "
                f"but its sign; take fewer n_heads than {heads}, or leave it out"
            )
        if isinstance(self.attention, MultiQueryAttention) and heads == 1:
            raise ValueError(
                "attention: with n_heads=1 there is nothing to share; take kind: multi-head"
            )
        if not isinstance(self.attention, GroupedQueryAttention):
            return
        groups = self.attention.n_kv_heads
        possible = [str(n) for n in range(2, heads) if heads % n == 0]
        near = " or ".join([*possible[-4:], "another kind"])
        if groups == heads:
            raise ValueError(
                f"attention.n_kv_heads={groups} of n_heads={heads} shares nothing; "
                "take kind: multi-head"
            )
        if groups == 1:
            raise ValueError("attention.n_kv_heads=1 serves all heads; take kind: multi-query")
        if groups > heads or heads % groups:
            raise ValueError(
                f"attention.n_kv_heads={groups} does not divide n_heads={heads}; try {near}"
            )

    def _check_position(self) -> None:
        match self.position:
            case RopePosition() as rope:
                rope.rotated(self.head_dim)
            case SinusoidalPosition() if self.d_model % 2:
                raise ValueError(
                    "sinusoidal positions come in pairs, so d_model must be even, "
                    f"not {self.d_model}"
                )
            case _:
                pass

    @property
    def head_dim(self) -> int:
        return self.d_model // self.n_heads

    @property
    def n_kv_heads(self) -> int:
        return self.attention.kv_heads(self.n_heads)

    @property
    def d_ff(self) -> int:
        """The width of the MLP's hidden layer, solved where the config leaves it open."""
        return self.mlp.width(d_model=self.d_model, bias=self.bias)

    @property
    def longest(self) -> int | None:
        """How many tokens a model can be asked about; None where there is no end.

        Learned positions end at `max_seq_len`; all others are formulas.
        """
        return self.max_seq_len if isinstance(self.position, LearnedPosition) else None

    @property
    def max_context(self) -> int | None:
        """How many tokens may be written on end; None where there is no end.

        A model is asked for no position and no distance that training has not shown it: with a
        window, scores of rotated or position-blind heads never span more than the window. ALiBi
        was made to go beyond (Press et al. 2022).
        """
        match self.position:
            case AlibiPosition():
                return None
            case RopePosition() | NoPosition() if self.attention.window is not None:
                return None
            case _:
                return self.max_seq_len

    @property
    def n_branches(self) -> int:
        """How often a block adds to the residual stream."""
        return 1 if isinstance(self.mlp, NoMLP) else 2

    def n_params_embedding(self, vocab_size: int) -> int:
        """Parameters in tables: tokens, an untied head, learned positions."""
        tables = 1 if self.tie_embeddings else 2
        positions = self.position.n_params(max_seq_len=self.max_seq_len, d_model=self.d_model)
        return tables * vocab_size * self.d_model + positions

    def n_params(self, vocab_size: int) -> int:
        """All trained parameters; a tied head is counted once."""
        d, bias = self.d_model, self.bias
        attention = self.attention.n_params(
            d_model=d, n_heads=self.n_heads, bias=bias, norm=self.norm
        )
        mlp = self.mlp.n_params(d_model=d, bias=bias)
        a_branch = 2 if self.norm_placement == "sandwich" else 1
        norms = self.n_layers * self.n_branches * a_branch + (self.norm_placement != "post")
        return (
            self.n_params_embedding(vocab_size)
            + self.n_layers * (attention + mlp)
            + norms * self.norm.n_params(width=d, bias=bias)
        )

    def forward_flops_per_token(self, vocab_size: int) -> int:
        """FLOPs of one token's forward pass in a window of `max_seq_len` tokens."""
        d = self.d_model
        weights = self.attention.n_weights(d_model=d, n_heads=self.n_heads)
        weights += self.mlp.n_weights(d_model=d, bias=self.bias)
        attention = 2 * self.max_seq_len * d
        return 2 * (self.n_layers * (weights + attention) + vocab_size * d)

    def flops_per_token(self, vocab_size: int) -> int:
        """FLOPs of training on one token: the forward pass, and twice that for the backward."""
        return 3 * self.forward_flops_per_token(vocab_size)
