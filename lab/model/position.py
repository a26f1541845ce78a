"""How a model knows where a token stands.

Design choices:
- a position encoding acts through seams that are the identity unless a variant overrides them:
  `embed` on the token embeddings, `rotate` on queries and keys;
- a variant owns no dead parameters: only learned positions have any;
- tables are computed in float64 and rounded once.
"""

from typing import assert_never

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from lab.config.model import LearnedPosition as LearnedConfig
from lab.config.model import ModelConfig, RopePosition, SinusoidalPosition


class PositionEncoding(nn.Module):
    """No information about positions: every seam is the identity."""

    def embed(
        self, x: Float[Tensor, "*b t d"], positions: Int[Tensor, "*b t"]
    ) -> Float[Tensor, "*b t d"]:
        """Token embeddings in, the residual stream's first value out."""
        return x

    def rotate(self, heads: Float[Tensor, "*b t n k"]) -> Float[Tensor, "*b t n k"]:
        """Queries or keys of any number n of heads, at positions 0 to t-1."""
        return heads


class LearnedPosition(PositionEncoding):
    """A trained vector for every position, added to the embedding (Radford et al. 2018)."""

    def __init__(self, max_seq_len: int, d_model: int) -> None:
        super().__init__()
        self.table = nn.Embedding(max_seq_len, d_model)

    def embed(
        self, x: Float[Tensor, "*b t d"], positions: Int[Tensor, "*b t"]
    ) -> Float[Tensor, "*b t d"]:
        return x + self.table(positions)  # type: ignore[no-any-return]


class FixedSinusoidalPosition(PositionEncoding):
    """embedding + amplitude * PE, where PE[p, 2i] = sin(p / theta^(2i/d)), PE[p, 2i+1] its cosine.

    Vaswani et al. 2017, section 3.5; for the amplitude see `lab.config.model`.
    """

    table: Tensor

    def __init__(self, max_seq_len: int, d_model: int, *, theta: float, amplitude: float) -> None:
        super().__init__()
        angles = _angles(max_seq_len, d_model, theta)
        table = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2) * amplitude
        self.register_buffer("table", table.float(), persistent=False)

    def embed(
        self, x: Float[Tensor, "*b t d"], positions: Int[Tensor, "*b t"]
    ) -> Float[Tensor, "*b t d"]:
        return x + F.embedding(positions, self.table)


class RotaryPosition(PositionEncoding):
    """Pairs (i, i + k/2) of a head turned by position * theta^(-2i/k) (Su et al. 2021).

    A score then depends on the offset of query and key only. The pairing is that of GPT-NeoX and
    Llama.
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, max_seq_len: int, head_dim: int, *, theta: float) -> None:
        super().__init__()
        angles = _angles(max_seq_len, head_dim, theta).unsqueeze(-2)  # an axis for heads
        self.register_buffer("cos", angles.cos().float(), persistent=False)
        self.register_buffer("sin", angles.sin().float(), persistent=False)

    def rotate(self, heads: Float[Tensor, "*b t n k"]) -> Float[Tensor, "*b t n k"]:
        length = heads.shape[-3]
        cos, sin = self.cos[:length].to(heads.dtype), self.sin[:length].to(heads.dtype)
        first, second = heads.chunk(2, dim=-1)
        return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def build_position(config: ModelConfig) -> PositionEncoding:
    length = config.max_seq_len
    match config.position:
        case LearnedConfig():
            return LearnedPosition(length, config.d_model)
        case SinusoidalPosition(theta=theta, amplitude=amplitude):
            return FixedSinusoidalPosition(length, config.d_model, theta=theta, amplitude=amplitude)
        case RopePosition(theta=theta):
            return RotaryPosition(length, config.head_dim, theta=theta)
        case unreachable:
            assert_never(unreachable)


def _angles(length: int, dim: int, theta: float) -> Float[Tensor, "t half"]:
    """position * theta^(-2i/dim) in float64, for i = 0 .. dim/2 - 1."""
    exponents = torch.arange(0, dim, 2, dtype=torch.float64) / dim
    return torch.arange(length, dtype=torch.float64).outer(theta**-exponents)
