"""The position-wise network of a block."""

from typing import assert_never

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lab.config.model import GeluMLP, ModelConfig, SwigluMLP
from lab.model.linear import Projection


class PlainMLP(nn.Module):
    """down(gelu(up(x))), with the exact GELU (Hendrycks and Gimpel 2016)."""

    def __init__(self, d_model: int, d_ff: int, *, bias: bool, residual_scale: float) -> None:
        super().__init__()
        self.up_proj = Projection(d_model, {"up_proj": d_ff}, bias=bias)
        self.down_proj = Projection(d_ff, {"down_proj": d_model}, bias=bias, scale=residual_scale)

    def forward(self, x: Float[Tensor, "*b t d"]) -> Float[Tensor, "*b t d"]:
        return self.down_proj(F.gelu(self.up_proj(x)))  # type: ignore[no-any-return]


class GatedMLP(nn.Module):
    """down(silu(gate(x)) * up(x)): SwiGLU (Shazeer 2020)."""

    def __init__(self, d_model: int, d_ff: int, *, bias: bool, residual_scale: float) -> None:
        super().__init__()
        parts = {"gate_proj": d_ff, "up_proj": d_ff}
        self.gate_up_proj = Projection(d_model, parts, bias=bias)
        self.down_proj = Projection(d_ff, {"down_proj": d_model}, bias=bias, scale=residual_scale)

    def forward(self, x: Float[Tensor, "*b t d"]) -> Float[Tensor, "*b t d"]:
        gate, up = self.gate_up_proj(x).chunk(2, dim=-1)
        return self.down_proj(F.silu(gate) * up)  # type: ignore[no-any-return]


def build_mlp(config: ModelConfig, *, residual_scale: float) -> nn.Module:
    shape = (config.d_model, config.d_ff)
    match config.mlp:
        case GeluMLP():
            return PlainMLP(*shape, bias=config.bias, residual_scale=residual_scale)
        case SwigluMLP():
            return GatedMLP(*shape, bias=config.bias, residual_scale=residual_scale)
        case unreachable:
            assert_never(unreachable)
