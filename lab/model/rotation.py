"""Rotation of queries and keys (Su et al. 2021)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Rotation(NamedTuple):
    """Cosine and sine for each position and pair: (..., t, 1, r/2), the 1 standing for heads."""

    cos: Tensor
    sin: Tensor

    def turn(self, heads: Float[Tensor, "*b t n k"]) -> Float[Tensor, "*b t n k"]:
        """Any number n of heads: pairs (i, i + r/2) of the first r numbers are turned."""
        cos, sin = self.cos.to(heads.dtype), self.sin.to(heads.dtype)
        half = cos.shape[-1]
        parts = [half, half, heads.shape[-1] - 2 * half]
        first, second, rest = torch.split(heads, parts, dim=-1)
        turned = [first * cos - second * sin, second * cos + first * sin]
        return torch.cat([*turned, rest] if rest.shape[-1] else turned, dim=-1)
