"""Normalisation, as a choice; `lab.model.norm` builds it."""

from typing import Annotated, Literal

from pydantic import Field

from lab.config.base import Strict


class LayerNorm(Strict):
    """Centred and scaled to unit variance (Ba et al. 2016); its bias follows `model.bias`."""

    kind: Literal["layernorm"] = "layernorm"
    eps: float = Field(1e-5, gt=0)

    def n_params(self, *, width: int, bias: bool) -> int:
        return width * (1 + bias)


class RMSNorm(Strict):
    """Scaled to unit mean square, not centred, no bias (Zhang and Sennrich 2019)."""

    kind: Literal["rmsnorm"] = "rmsnorm"
    eps: float = Field(1e-5, gt=0)

    def n_params(self, *, width: int, bias: bool) -> int:
        return width


Norm = Annotated[LayerNorm | RMSNorm, Field(discriminator="kind")]

# pre: x + f(norm(x)), and a norm before the head (Radford et al. 2019).
# post: norm(x + f(x)), as in the first transformer (Vaswani et al. 2017).
# sandwich: x + norm(f(norm(x))), and a norm before the head (Ding et al. 2021).
Placement = Literal["pre", "post", "sandwich"]
