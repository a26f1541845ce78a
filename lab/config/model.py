"""The architecture of a GPT, and what it costs.

Each choice is a closed tagged union; the module that builds it has one `match`. A variant's class
knows its own parameters and matrix products, so that counts need no torch.

Conventions:
- the vocabulary belongs to the tokenizer, not to the architecture: counts take `vocab_size`;
- FLOPs are those of matrix products, a multiply and an add counted as two, attention over the
  full T x T square (as in PaLM, Chowdhery et al. 2022, appendix B); a training step is three
  times the forward pass.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lab.config.base import Strict


class LearnedPosition(Strict):
    """A trained vector for every position (Radford et al. 2018)."""

    kind: Literal["learned"] = "learned"

    def n_params(self, *, max_seq_len: int, d_model: int) -> int:
        return max_seq_len * d_model


class SinusoidalPosition(Strict):
    """Fixed sines and cosines added to the embeddings (Vaswani et al. 2017, section 3.5).

    There the embeddings are scaled up to the sinusoids' amplitude of one; here the sinusoids are
    scaled down to the embeddings, which begin at `init_std` and grow. The default did best of
    0.02, 0.05, 0.1, 0.2 and 1 on the question posenc; with 1 the positions drown the tokens.
    """

    kind: Literal["sinusoidal"] = "sinusoidal"
    theta: float = Field(10_000.0, gt=1)
    amplitude: float = Field(0.05, gt=0)

    def n_params(self, *, max_seq_len: int, d_model: int) -> int:
        return 0


class RopePosition(Strict):
    """Queries and keys rotated by their position (Su et al. 2021)."""

    kind: Literal["rope"] = "rope"
    theta: float = Field(10_000.0, gt=1)

    def n_params(self, *, max_seq_len: int, d_model: int) -> int:
        return 0


Position = Annotated[
    LearnedPosition | SinusoidalPosition | RopePosition, Field(discriminator="kind")
]


class LayerNorm(Strict):
    """Centred and scaled to unit variance (Ba et al. 2016); its bias follows `model.bias`."""

    kind: Literal["layernorm"] = "layernorm"
    eps: float = Field(1e-5, gt=0)

    def n_params(self, *, d_model: int, bias: bool) -> int:
        return d_model * (1 + bias)


class RMSNorm(Strict):
    """Scaled to unit mean square, not centred, no bias (Zhang and Sennrich 2019)."""

    kind: Literal["rmsnorm"] = "rmsnorm"
    eps: float = Field(1e-5, gt=0)

    def n_params(self, *, d_model: int, bias: bool) -> int:
        return d_model


Norm = Annotated[LayerNorm | RMSNorm, Field(discriminator="kind")]


class GeluMLP(Strict):
    """Two matrices with a GELU between them (Hendrycks and Gimpel 2016)."""

    kind: Literal["gelu"] = "gelu"
    d_ff: int | None = Field(None, ge=1, description="None means 4 x d_model")

    def width(self, *, d_model: int, bias: bool) -> int:
        return self.d_ff or 4 * d_model

    def n_weights(self, *, d_model: int, bias: bool) -> int:
        return 2 * d_model * self.width(d_model=d_model, bias=bias)

    def n_params(self, *, d_model: int, bias: bool) -> int:
        width = self.width(d_model=d_model, bias=bias)
        return self.n_weights(d_model=d_model, bias=bias) + bias * (width + d_model)


class SwigluMLP(Strict):
    """A SiLU gate times a linear path (Shazeer 2020): three matrices in place of two.

    Without `d_ff` its width is solved so that its parameters equal those of the plain MLP of
    width 4 x d_model as nearly as a whole number allows: about two thirds of it.
    """

    kind: Literal["swiglu"] = "swiglu"
    d_ff: int | None = Field(None, ge=1, description="None means matched in parameters")

    def width(self, *, d_model: int, bias: bool) -> int:
        if self.d_ff is not None:
            return self.d_ff
        plain = GeluMLP().n_params(d_model=d_model, bias=bias)
        return max(1, round((plain - bias * d_model) / (3 * d_model + 2 * bias)))

    def n_weights(self, *, d_model: int, bias: bool) -> int:
        return 3 * d_model * self.width(d_model=d_model, bias=bias)

    def n_params(self, *, d_model: int, bias: bool) -> int:
        width = self.width(d_model=d_model, bias=bias)
        return self.n_weights(d_model=d_model, bias=bias) + bias * (2 * width + d_model)


MLP = Annotated[GeluMLP | SwigluMLP, Field(discriminator="kind")]


class ModelConfig(Strict):
    """A pre-norm decoder-only transformer (Radford et al. 2019)."""

    n_layers: int = Field(ge=1)
    n_heads: int = Field(ge=1)
    d_model: int = Field(ge=1)
    max_seq_len: int = Field(ge=2)
    position: Position = LearnedPosition()
    norm: Norm = LayerNorm()
    mlp: MLP = GeluMLP()
    bias: bool = False
    tie_embeddings: bool = True
    dropout: float = Field(0.0, ge=0, lt=1)
    init_std: float = Field(0.02, gt=0)

    @model_validator(mode="after")
    def _dimensions_fit(self) -> "ModelConfig":
        d, heads = self.d_model, self.n_heads
        if d % heads:
            below, above = d // heads * heads, (d // heads + 1) * heads
            near = f"{below} or {above}" if below else f"{above}"
            raise ValueError(f"d_model={d} is not a multiple of n_heads={heads}; try {near}")
        match self.position:
            case RopePosition() if self.head_dim % 2:
                raise ValueError(
                    f"RoPE rotates pairs, so d_model / n_heads must be even, not {self.head_dim}; "
                    f"try d_model={2 * d} or another n_heads"
                )
            case SinusoidalPosition() if d % 2:
                raise ValueError(
                    f"sinusoidal positions come in pairs, so d_model must be even, not {d}"
                )
            case _:
                return self

    @property
    def head_dim(self) -> int:
        return self.d_model // self.n_heads

    @property
    def d_ff(self) -> int:
        """The width of the MLP's hidden layer, solved where the config leaves it open."""
        return self.mlp.width(d_model=self.d_model, bias=self.bias)

    def n_params_embedding(self, vocab_size: int) -> int:
        """Parameters in tables: tokens, an untied head, learned positions."""
        tables = 1 if self.tie_embeddings else 2
        positions = self.position.n_params(max_seq_len=self.max_seq_len, d_model=self.d_model)
        return tables * vocab_size * self.d_model + positions

    def n_params(self, vocab_size: int) -> int:
        """All trained parameters; a tied head is counted once."""
        d = self.d_model
        norm = self.norm.n_params(d_model=d, bias=self.bias)
        attention = 4 * d * d + self.bias * 4 * d
        mlp = self.mlp.n_params(d_model=d, bias=self.bias)
        layers = self.n_layers * (2 * norm + attention + mlp)
        return self.n_params_embedding(vocab_size) + layers + norm

    def forward_flops_per_token(self, vocab_size: int) -> int:
        """FLOPs of one token's forward pass in a window of `max_seq_len` tokens."""
        d = self.d_model
        weights = 4 * d * d + self.mlp.n_weights(d_model=d, bias=self.bias)
        attention = 2 * self.max_seq_len * d
        return 2 * (self.n_layers * (weights + attention) + vocab_size * d)

    def flops_per_token(self, vocab_size: int) -> int:
        """FLOPs of training on one token: the forward pass, and twice that for the backward."""
        return 3 * self.forward_flops_per_token(vocab_size)
