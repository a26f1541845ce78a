"""How a model knows where a token stands, as a choice; `lab.model.position` builds it.

Conventions:
- `n_params` counts what is trained: only learned positions have any;
- beyond `max_seq_len`, learned positions do not exist, and all others can be computed.
"""

import math
from typing import Annotated, Literal

from pydantic import Field

from lab.config.base import Strict

ROUNDED = 1e-3  # of a pair: a share such as 1/3 is written with a few digits


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


class NoScaling(Strict):
    kind: Literal["none"] = "none"

    def frequency(self, theta: float, dim: int) -> tuple[float, float]:
        """theta, and what positions are divided by."""
        return theta, 1.0


class LinearScaling(Strict):
    """Positions divided by a factor, to fit a longer text into the angles of a shorter one.

    Position interpolation (Chen et al. 2023).
    """

    kind: Literal["linear"] = "linear"
    factor: float = Field(gt=0)

    def frequency(self, theta: float, dim: int) -> tuple[float, float]:
        return theta, self.factor


class NtkScaling(Strict):
    """theta * factor^(k / (k - 2)): the slowest pair is stretched by the factor, the fastest kept.

    'NTK-aware' scaling (bloc97 2023; Peng et al. 2023, section 3.1), with k rotated numbers.
    """

    kind: Literal["ntk"] = "ntk"
    factor: float = Field(gt=0)

    def frequency(self, theta: float, dim: int) -> tuple[float, float]:
        return theta * self.factor ** (dim / (dim - 2)), 1.0


RopeScaling = Annotated[NoScaling | LinearScaling | NtkScaling, Field(discriminator="kind")]


class RopePosition(Strict):
    """Queries and keys rotated by their position (Su et al. 2021).

    `share` of each head is rotated, its first numbers; the rest knows no position (as in GPT-J and
    GPT-NeoX).
    """

    kind: Literal["rope"] = "rope"
    theta: float = Field(10_000.0, gt=1)
    share: float = Field(1.0, gt=0, le=1)
    scaling: RopeScaling = NoScaling()

    def rotated(self, head_dim: int) -> int:
        """How many numbers of a head are rotated; raises `ValueError` where they make no pairs."""
        wanted = self.share * head_dim
        if abs(wanted / 2 - round(wanted / 2)) > ROUNDED or round(wanted) == 0:
            below, above = 2 * math.floor(wanted / 2), 2 * math.ceil(wanted / 2)
            near = [n for n in (below, above) if 0 < n <= head_dim]
            shares = " or ".join(f"{n / head_dim:g}" for n in near)
            raise ValueError(
                f"RoPE rotates pairs, and share={self.share:g} of head_dim={head_dim} is "
                f"{wanted:g} numbers; try "
                + (f"share={shares} or another d_model" if near else "a head_dim of at least 2")
            )
        dim = round(wanted)
        if dim == 2 and isinstance(self.scaling, NtkScaling):
            raise ValueError(
                "NTK scaling spreads over several pairs, and here is only one; "
                "rotate at least 4 numbers, or take linear scaling"
            )
        return dim

    def n_params(self, *, max_seq_len: int, d_model: int) -> int:
        return 0


class AlibiPosition(Strict):
    """Scores lowered in proportion to distance, steeper from head to head (Press et al. 2022)."""

    kind: Literal["alibi"] = "alibi"

    def n_params(self, *, max_seq_len: int, d_model: int) -> int:
        return 0


class NoPosition(Strict):
    """Nothing but the causal mask tells where a token stands (Haviv et al. 2022)."""

    kind: Literal["none"] = "none"

    def n_params(self, *, max_seq_len: int, d_model: int) -> int:
        return 0


Position = Annotated[
    LearnedPosition | SinusoidalPosition | RopePosition | AlibiPosition | NoPosition,
    Field(discriminator="kind"),
]
