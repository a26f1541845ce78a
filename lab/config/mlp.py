"""The position-wise network of a block, as a choice; `lab.model.mlp` builds it.

A plain one has two matrices and is 4 x d_model wide unless `d_ff` says otherwise. A gated one has
three (Shazeer 2020); without `d_ff` its width is solved so that its parameters equal those of the
plain one of width 4 x d_model as nearly as a whole number allows: about two thirds of it.
"""

from typing import Annotated, Literal

from pydantic import Field

from lab.config.base import Strict

Approximate = Literal["none", "tanh"]  # of the GELU (Hendrycks and Gimpel 2016)


class _PlainMLP(Strict):
    kind: str
    d_ff: int | None = Field(None, ge=1, description="None means 4 x d_model")

    def width(self, *, d_model: int, bias: bool) -> int:
        return self.d_ff or 4 * d_model

    def n_weights(self, *, d_model: int, bias: bool) -> int:
        return 2 * d_model * self.width(d_model=d_model, bias=bias)

    def n_params(self, *, d_model: int, bias: bool) -> int:
        width = self.width(d_model=d_model, bias=bias)
        return self.n_weights(d_model=d_model, bias=bias) + bias * (width + d_model)


class GeluMLP(_PlainMLP):
    kind: Literal["gelu"] = "gelu"
    approximate: Approximate = "none"


class ReluMLP(_PlainMLP):
    kind: Literal["relu"] = "relu"


class SquaredReluMLP(_PlainMLP):
    """relu(x)^2 (So et al. 2021)."""

    kind: Literal["relu2"] = "relu2"


class _GatedMLP(Strict):
    kind: str
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


class SwigluMLP(_GatedMLP):
    kind: Literal["swiglu"] = "swiglu"


class GegluMLP(_GatedMLP):
    kind: Literal["geglu"] = "geglu"
    approximate: Approximate = "none"


class NoMLP(Strict):
    """Attention alone."""

    kind: Literal["none"] = "none"

    def width(self, *, d_model: int, bias: bool) -> int:
        return 0

    def n_weights(self, *, d_model: int, bias: bool) -> int:
        return 0

    def n_params(self, *, d_model: int, bias: bool) -> int:
        return 0


MLP = Annotated[
    GeluMLP | ReluMLP | SquaredReluMLP | SwigluMLP | GegluMLP | NoMLP, Field(discriminator="kind")
]
