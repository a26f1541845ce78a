"""The optimizer, with weight decay on matrices and tables only."""

from typing import assert_never

import torch
from torch import nn

from lab.config.train import AdamW
from lab.train import adamw


def build_optimizer(model: nn.Module, config: AdamW) -> torch.optim.Optimizer:
    """Two groups, with and without decay; fused where the device has a fused kernel.

    Norm weights and biases (one axis) are not decayed: shrinking them changes a scale that
    carries no complexity (Loshchilov and Hutter 2019; nanoGPT's groups).
    """
    match config:
        case AdamW(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay):
            parameters = [p for p in model.parameters() if p.requires_grad]
            groups = [
                {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
                {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
            ]
            fused = all(p.device.type in ("cpu", "cuda", "mps") for p in parameters)
            return adamw.AdamW(
                [group for group in groups if group["params"]],
                lr=lr,
                betas=betas,
                eps=eps,
                fused=fused,
            )
        case unreachable:
            assert_never(unreachable)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
