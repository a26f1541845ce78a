"""The position-wise network of a block."""

from collections.abc import Callable
from functools import partial
from typing import assert_never

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lab.config.mlp import GegluMLP, GeluMLP, NoMLP, ReluMLP, SquaredReluMLP, SwigluMLP
from lab.config.model import ModelConfig
from lab.model.linear import Projection

Activation = Callable[[Tensor], Tensor]


class PlainMLP(nn.Module):
    """down(activation(up(x)))."""

    def __init__(self, config: ModelConfig, activation: Activation, *, scale: float) -> None:
        super().__init__()
        d, f = config.d_model, config.d_ff
        self.activation = activation
        self.up_proj = Projection(d, {"up_proj": f}, bias=config.bias)
        self.down_proj = Projection(f, {"down_proj": d}, bias=config.bias, scale=scale)

    def forward(self, x: Float[Tensor, "*b t d"]) -> Float[Tensor, "*b t d"]:
        return self.down_proj(self.activation(self.up_proj(x)))  # type: ignore[no-any-return]


class GatedMLP(nn.Module):
    """down(activation(gate(x)) * up(x)) (Shazeer 2020)."""

    def __init__(self, config: ModelConfig, activation: Activation, *, scale: float) -> None:
        super().__init__()
        d, f = config.d_model, config.d_ff
        self.activation = activation
        self.gate_up_proj = Projection(d, {"gate_proj": f, "up_proj": f}, bias=config.bias)
        self.down_proj = Projection(f, {"down_proj": d}, bias=config.bias, scale=scale)

    def forward(self, x: Float[Tensor, "*b t d"]) -> Float[Tensor, "*b t d"]:
        gate, up = self.gate_up_proj(x).chunk(2, dim=-1)
        return self.down_proj(self.activation(gate) * up)  # type: ignore[no-any-return]


def build_mlp(config: ModelConfig, *, scale: float) -> nn.Module | None:
    """`scale` multiplies `init_std` in what writes to the residual stream; None is no network."""
    match config.mlp:
        case GeluMLP(approximate=approximate):
            return PlainMLP(config, partial(F.gelu, approximate=approximate), scale=scale)
        case ReluMLP():
            return PlainMLP(config, F.relu, scale=scale)
        case SquaredReluMLP():
            return PlainMLP(config, squared_relu, scale=scale)
        case SwigluMLP():
            return GatedMLP(config, F.silu, scale=scale)
        case GegluMLP(approximate=approximate):
            return GatedMLP(config, partial(F.gelu, approximate=approximate), scale=scale)
        case NoMLP():
            return None
        case unreachable:
            assert_never(unreachable)


def squared_relu(x: Tensor) -> Tensor:
    """relu(x)^2 (So et al. 2021)."""
    return F.relu(x).square()
