"""How a model knows where a token stands.

Design choices:
- a position encoding acts through three seams that are the identity unless a variant overrides
  them: `embed` on the token embeddings, `rotation` on queries and keys, `bias` on their scores;
- rotations and biases are computed once a pass and shared by all layers;
- a variant owns no dead parameters: only learned positions have any;
- fixed tables are computed in float64 and rounded once.
"""

import math
from functools import partial
from typing import assert_never

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lab.config.model import ModelConfig
from lab.config.position import AlibiPosition as AlibiConfig
from lab.config.position import LearnedPosition as LearnedConfig
from lab.config.position import NoPosition, RopePosition, SinusoidalPosition
from lab.model.rotation import Rotation
from lab.model.table import Table


class PositionEncoding(nn.Module):
    """No information about positions: every seam is the identity.

    `limit` is the number of positions that there are, None where any can be computed. The `length`
    of a call is more than every position in it.
    """

    limit: int | None = None

    def embed(
        self, x: Float[Tensor, "*b t d"], positions: Int[Tensor, "*b t"], *, length: int
    ) -> Float[Tensor, "*b t d"]:
        """Token embeddings in, the residual stream's first value out."""
        return x

    def rotation(self, positions: Int[Tensor, "*b t"], *, length: int) -> Rotation | None:
        """How queries and keys at these positions are turned."""
        return None

    def bias(
        self, queries: Int[Tensor, "*b q"], keys: Int[Tensor, "*b k"]
    ) -> Float[Tensor, "*b h q k"] | None:
        """What is added to the scores of queries and keys at these positions."""
        return None


class LearnedPosition(PositionEncoding):
    """A trained vector for every position, added to the embedding (Radford et al. 2018)."""

    def __init__(self, max_seq_len: int, d_model: int) -> None:
        super().__init__()
        self.limit = max_seq_len
        self.table = nn.Embedding(max_seq_len, d_model)

    def embed(
        self, x: Float[Tensor, "*b t d"], positions: Int[Tensor, "*b t"], *, length: int
    ) -> Float[Tensor, "*b t d"]:
        return x + self.table(positions)  # type: ignore[no-any-return]


class FixedSinusoidalPosition(PositionEncoding):
    """embedding + amplitude * PE, where PE[p, 2i] = sin(p / theta^(2i/d)), PE[p, 2i+1] its cosine.

    Vaswani et al. 2017, section 3.5; for the amplitude see `lab.config.position`.
    """

    def __init__(self, max_seq_len: int, d_model: int, *, theta: float, amplitude: float) -> None:
        super().__init__()
        formula = partial(sinusoids, d_model=d_model, theta=theta, amplitude=amplitude)
        self.table = Table(formula, max_seq_len)

    def embed(
        self, x: Float[Tensor, "*b t d"], positions: Int[Tensor, "*b t"], *, length: int
    ) -> Float[Tensor, "*b t d"]:
        return x + self.table.at(positions, length=length)


class RotaryPosition(PositionEncoding):
    """Pairs (i, i + r/2) of a head's first r numbers turned by position * theta^(-2i/r).

    A score then depends on the offset of query and key only (Su et al. 2021). The pairing is that
    of GPT-NeoX and Llama. Positions are divided by `stretch` first.
    """

    def __init__(self, max_seq_len: int, rotated: int, *, theta: float, stretch: float) -> None:
        super().__init__()
        formula = partial(turns, dim=rotated, theta=theta, stretch=stretch)
        self.table = Table(formula, max_seq_len)

    def rotation(self, positions: Int[Tensor, "*b t"], *, length: int) -> Rotation:
        cos, sin = self.table.at(positions, length=length).unsqueeze(-3).unbind(-2)
        return Rotation(cos, sin)


class AlibiPosition(PositionEncoding):
    """-slope * distance added to every score, with a slope for each head (Press et al. 2022)."""

    def __init__(self, n_heads: int) -> None:
        super().__init__()
        self.slopes = Table(alibi_slopes, n_heads)

    def bias(
        self, queries: Int[Tensor, "*b q"], keys: Int[Tensor, "*b k"]
    ) -> Float[Tensor, "*b h q k"]:
        slopes = self.slopes.rows
        distance = (queries.unsqueeze(-1) - keys.unsqueeze(-2)).unsqueeze(-3).to(slopes.dtype)
        return -slopes[:, None, None] * distance


def build_position(config: ModelConfig) -> PositionEncoding:
    length = config.max_seq_len
    match config.position:
        case LearnedConfig():
            return LearnedPosition(length, config.d_model)
        case SinusoidalPosition(theta=theta, amplitude=amplitude):
            return FixedSinusoidalPosition(length, config.d_model, theta=theta, amplitude=amplitude)
        case RopePosition() as rope:
            rotated = rope.rotated(config.head_dim)
            theta, stretch = rope.scaling.frequency(rope.theta, rotated)
            return RotaryPosition(length, rotated, theta=theta, stretch=stretch)
        case AlibiConfig():
            return AlibiPosition(config.n_heads)
        case NoPosition():
            return PositionEncoding()
        case unreachable:
            assert_never(unreachable)


def sinusoids(length: int, *, d_model: int, theta: float, amplitude: float) -> Float[Tensor, "t d"]:
    angles = _angles(length, d_model, theta)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2) * amplitude


def turns(length: int, *, dim: int, theta: float, stretch: float) -> Float[Tensor, "t 2 half"]:
    """Cosine and sine of every position's angles."""
    angles = _angles(length, dim, theta) / stretch
    return torch.stack([angles.cos(), angles.sin()], dim=-2)


def alibi_slopes(n_heads: int) -> Float[Tensor, " h"]:
    """2^(-8/n), 2^(-16/n), ... 2^-8 for n heads; between powers of two, every second of the next.

    Press et al. 2022, section 3 and their code.
    """
    below = 2 ** math.floor(math.log2(n_heads))

    def geometric(n: int) -> Tensor:
        return 2.0 ** (-8 / n * torch.arange(1, n + 1, dtype=torch.float64))

    return torch.cat([geometric(below), geometric(2 * below)[::2][: n_heads - below]])


def _angles(length: int, dim: int, theta: float) -> Float[Tensor, "t half"]:
    """position * theta^(-2i/dim) in float64, for i = 0 .. dim/2 - 1."""
    exponents = torch.arange(0, dim, 2, dtype=torch.float64) / dim
    return torch.arange(length, dtype=torch.float64).outer(theta**-exponents)
