"""Normalisation: a weightless norm, times a weight.

The two are kept apart, not fused, so that the norm of many stacked models is the norm of each,
bit for bit.
"""

from typing import assert_never

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lab.config.model import ModelConfig
from lab.config.norm import LayerNorm as LayerNormConfig
from lab.config.norm import RMSNorm as RMSNormConfig


class LayerNorm(nn.Module):
    """(x - mean) / sqrt(variance + eps) * weight + bias, over the last axis (Ba et al. 2016)."""

    def __init__(self, width: int, *, eps: float, bias: bool) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None

    def forward(self, x: Float[Tensor, "*b t d"]) -> Float[Tensor, "*b t d"]:
        x = F.layer_norm(x, x.shape[-1:], eps=self.eps) * self.weight
        return x if self.bias is None else x + self.bias


class RMSNorm(nn.Module):
    """x / sqrt(mean(x^2) + eps) * weight, over the last axis (Zhang and Sennrich 2019)."""

    def __init__(self, width: int, *, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Float[Tensor, "*b t d"]) -> Float[Tensor, "*b t d"]:
        return F.rms_norm(x, x.shape[-1:], eps=self.eps) * self.weight


def build_norm(config: ModelConfig, width: int) -> nn.Module:
    match config.norm:
        case LayerNormConfig(eps=eps):
            return LayerNorm(width, eps=eps, bias=config.bias)
        case RMSNormConfig(eps=eps):
            return RMSNorm(width, eps=eps)
        case unreachable:
            assert_never(unreachable)
