"""A decoder-only transformer with pre-norm blocks (Radford et al. 2019), its parts by config.

Design choices:
- `forward` uses trailing axes only and every parameter sits in a leaf layer, so that a model can
  be stacked with others of its shape into one batched model;
- a tied head is the embedding's own parameter, not a copy;
- the vocabulary comes from the tokenizer, everything else from `ModelConfig`.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from lab.config.model import ModelConfig
from lab.model.attention import Attention
from lab.model.init import initialise
from lab.model.linear import Projection
from lab.model.mlp import build_mlp
from lab.model.norm import build_norm
from lab.model.position import PositionEncoding, build_position


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        residual_scale = (2 * config.n_layers) ** -0.5  # 2 residual additions a layer
        self.dropout = config.dropout
        self.attention_norm = build_norm(config)
        self.attention = Attention(config, residual_scale=residual_scale)
        self.mlp_norm = build_norm(config)
        self.mlp = build_mlp(config, residual_scale=residual_scale)

    def forward(
        self, x: Float[Tensor, "*b t d"], position: PositionEncoding
    ) -> Float[Tensor, "*b t d"]:
        x = x + self._drop(self.attention(self.attention_norm(x), position))
        return x + self._drop(self.mlp(self.mlp_norm(x)))

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training) if self.dropout else x


class GPT(nn.Module):
    """Token ids (..., T) in, logits (..., T, V) out; T is at most `max_seq_len`."""

    def __init__(self, config: ModelConfig, vocab_size: int) -> None:
        super().__init__()
        self.config = config
        self.vocab_size = vocab_size
        self.embedding = nn.Embedding(vocab_size, config.d_model)
        self.position = build_position(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.final_norm = build_norm(config)
        self.head = Projection(config.d_model, {"head": vocab_size}, bias=False)
        if config.tie_embeddings:
            self.head.weight = self.embedding.weight

    def forward(self, ids: Int[Tensor, "*b t"]) -> Float[Tensor, "*b t v"]:
        length = ids.shape[-1]
        if length > self.config.max_seq_len:
            raise ValueError(f"{length} tokens are more than max_seq_len={self.config.max_seq_len}")
        positions = torch.arange(length, device=ids.device).expand(ids.shape)
        x = self.position.embed(self.embedding(ids), positions)
        if self.config.dropout:
            x = F.dropout(x, self.config.dropout, self.training)
        for block in self.blocks:
            x = block(x, self.position)
        return self.head(self.final_norm(x))  # type: ignore[no-any-return]


def build_model(config: ModelConfig, vocab_size: int, *, seed: int) -> GPT:
    """A model on the CPU with the initial values of the seed's named streams."""
    model = GPT(config, vocab_size)
    initialise(model, seed=seed, std=config.init_std)
    return model
