"""The model that computes: the run's own, or a bfloat16 copy of it whose weights are cast once.

Design choices:
- bf16 is mixed precision (Micikevicius et al. 2018): forward and backward passes are in bfloat16
  throughout, losses in float32, and the optimizer steps with float32 weights and gradients;
- the weights are cast once a step, not at each use as autocast does; activations are never cast,
  as they begin in bfloat16;
- rows of tables are looked up in float32: the gradient of a frequent token is a sum of many small
  ones, which stands still in bfloat16 after some hundred of them.
"""

from copy import deepcopy

import torch
from torch import Tensor, nn


class Working:
    """A model with the weights of another, which computes in some precision.

    In fp32 it is that other itself, and there is nothing to do.
    """

    def __init__(self, model: nn.Module, precision: str) -> None:
        self.model = computing(model, precision)
        self.weights: list[Tensor] = []
        self.copies: list[Tensor] = []
        for name, copy in self.model.named_parameters():
            weight = model.get_parameter(name)
            if copy is not weight:
                self.weights.append(weight)
                self.copies.append(copy)

    @torch.no_grad()
    def refresh(self) -> None:
        """Take over the weights as they are now."""
        if self.copies:
            torch._foreach_copy_(self.copies, self.weights)

    @torch.no_grad()
    def collect(self) -> None:
        """Add the gradients of the copies to those of the weights."""
        for weight, copy in zip(self.weights, self.copies, strict=True):
            if copy.grad is None:
                continue
            if weight.grad is None:
                weight.grad = copy.grad.to(weight.dtype)
            else:
                weight.grad += copy.grad
            copy.grad = None


def computing(model: nn.Module, precision: str) -> nn.Module:
    """The model itself, or a copy of it in bfloat16, with the weights as they are now."""
    if precision != "bf16":
        return model
    copy = deepcopy(model).bfloat16()
    for name, module in model.named_modules():
        if isinstance(module, nn.Embedding):
            copy.set_submodule(name, _Lookup(module))
    return copy


class _Lookup(nn.Module):
    """Rows of a float32 table, as it looks them up, in bfloat16."""

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__()
        self.weight = table.weight
        self.look_up = table.forward

    def forward(self, ids: Tensor) -> Tensor:
        return self.look_up(ids).bfloat16()
