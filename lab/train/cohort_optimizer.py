"""The optimizers of a cohort's members, which step on slices of stacked gradients.

Design choices:
- each member keeps the optimizer that it has alone: its groups, rates and state are where a
  checkpoint looks for them, and its moments are slices of stacked ones;
- a step calls the very kernel that the optimizer calls alone, on the member's slices: the bits are
  the same, and so is the weight decay of each group;
- rates may be numbers on the device, so that a captured step can be given new ones.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

KINDS = ("exp_avg", "exp_avg_sq")


class _Group(NamedTuple):
    """What the kernel is called with, for one group of one member."""

    numbers: list[int]  # of its parameters among the stacked ones
    parameters: list[Tensor]
    means: list[Tensor]
    squares: list[Tensor]
    steps: list[Tensor]
    betas: tuple[float, float]
    eps: float
    weight_decay: float


class Optimizers:
    """`stacked` are the parameters (K, ...) of which members' models hold the slices, in the order
    of those models' own."""

    def __init__(
        self,
        optimizers: Sequence[torch.optim.Optimizer],
        models: Sequence[nn.Module],
        stacked: Sequence[nn.Parameter],
    ) -> None:
        own = [[p for p in model.parameters() if p.requires_grad] for model in models]
        self.steps = torch.stack([_steps(o, ps) for o, ps in zip(optimizers, own, strict=True)])
        for optimizer, parameters, steps in zip(optimizers, own, self.steps, strict=True):
            for parameter, step in zip(parameters, steps.unbind(), strict=True):
                optimizer.state[parameter]["step"] = step
        for number, parameter in enumerate(stacked):
            column = [parameters[number] for parameters in own]
            for kind in KINDS:
                _share(optimizers, column, kind, like=parameter)
        self.groups = [_groups(o, ps) for o, ps in zip(optimizers, own, strict=True)]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], rates: Tensor) -> None:
        """One update of every member from gradients (K, ...), at rates (K,)."""
        self.steps += 1
        told = rates.tolist() if rates.device.type == "cpu" else rates.unbind()
        slices = zip(*(gradient.unbind() for gradient in gradients), strict=True)
        for groups, rate, own in zip(self.groups, told, slices, strict=True):
            for group in groups:
                torch._fused_adamw_(
                    group.parameters,
                    [own[number] for number in group.numbers],
                    group.means,
                    group.squares,
                    [],
                    group.steps,
                    lr=rate,
                    beta1=group.betas[0],
                    beta2=group.betas[1],
                    weight_decay=group.weight_decay,
                    eps=group.eps,
                    amsgrad=False,
                    maximize=False,
                )


def take_out(optimizer: torch.optim.Optimizer) -> None:
    """Give an optimizer a state of its own, shared with no other."""
    for moments in optimizer.state.values():
        for kind, value in moments.items():
            moments[kind] = value.clone()


def _steps(optimizer: torch.optim.Optimizer, parameters: Sequence[Tensor]) -> Tensor:
    """How often each parameter was updated."""
    none = torch.zeros((), device=parameters[0].device)
    return torch.stack([optimizer.state[p].get("step", none) for p in parameters])


def _share(
    optimizers: Sequence[torch.optim.Optimizer],
    parameters: Sequence[Tensor],
    kind: str,
    *,
    like: Tensor,
) -> None:
    """Make a moment of one parameter of all members one tensor, and each member's a slice of it."""
    states = [o.state[p] for o, p in zip(optimizers, parameters, strict=True)]
    stacked = torch.zeros_like(like, requires_grad=False)
    for state, values in zip(states, stacked.unbind(), strict=True):
        if kind in state:
            values.copy_(state[kind])
        state[kind] = values


def _groups(optimizer: torch.optim.Optimizer, parameters: Sequence[Tensor]) -> list[_Group]:
    assert isinstance(optimizer, torch.optim.AdamW), "its kernel is called by name"
    numbers = {id(parameter): number for number, parameter in enumerate(parameters)}
    found = []
    for group in optimizer.param_groups:
        own, state = group["params"], optimizer.state
        found.append(
            _Group(
                [numbers[id(p)] for p in own],
                [p.detach() for p in own],
                [state[p]["exp_avg"] for p in own],
                [state[p]["exp_avg_sq"] for p in own],
                [state[p]["step"] for p in own],
                group["betas"],
                group["eps"],
                group["weight_decay"],
            )
        )
    return found
