"""Where a run first was not finite: in its loss, its gradient, a parameter, the optimizer.

Design choices:
- each step leaves on the device its loss, the norm of its gradient and that of every parameter: one
  value that is no number shows there, and the first such step is known without waiting for any;
- they are looked at where a row is logged. A norm can overflow (from 1e19 on) while its parameter
  does not; so a parameter counts only if it has such a value then, as none becomes finite again;
- the optimizer's moments are looked at there too, and told with the step where that was seen.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lab.train.state import PENDING, TrainState

LOSS, GRADIENT = "the training loss", "the norm of the gradient"


class Fault(NamedTuple):
    """The step after which, or in which, something was not finite, and what it was, in words."""

    step: int
    reason: str


def vitals(loss: Tensor, gradient_norm: Tensor, parameters: list[Tensor]) -> Tensor:
    """The loss, the gradient's norm and the norm of each of N parameters: (2 + N,)."""
    return torch.stack([loss, gradient_norm, *torch._foreach_norm(parameters)])


def first_fault(state: TrainState) -> Fault | None:
    """What was first not finite in a state, or in the steps that led to it since the last row."""
    broken = not_finite(state.tensors())
    told = [LOSS, GRADIENT, *(name for name, _ in state.model.named_parameters())]
    rows = torch.stack(state.pending).isfinite().tolist() if state.pending else []
    for number, row in enumerate(rows, start=state.step - len(rows) + 1):
        found = [name for name, fine in zip(told, row, strict=True) if not fine]
        if found and found[0] in (LOSS, GRADIENT):
            return Fault(number, _sentence(found[:1]))
        if found := [name for name in found if f"model.{name}" in broken]:
            return Fault(number, _sentence(found))
    if broken:
        return Fault(state.step, _sentence([_told(key) for key in broken]))
    return None


def not_finite(tensors: Mapping[str, Tensor]) -> list[str]:
    """The names of the tensors with a NaN or an infinity; pending rows are no part of a state."""
    suspects = _suspects({n: value for n, value in tensors.items() if n != PENDING})
    return [name for name, value in suspects.items() if not bool(value.isfinite().all())]


def _suspects(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those whose norm is not finite, asked of the device all at once; a norm may overflow, so it
    acquits only. What is shared among processes is looked at by itself; integers have no norm."""
    known = {
        name: value
        for name, value in tensors.items()
        if type(value) in (Tensor, nn.Parameter) and value.is_floating_point()
    }
    fine = set()
    for device in {value.device for value in known.values()}:
        names = [name for name, value in known.items() if value.device == device]
        norms = torch.stack(torch._foreach_norm([known[name] for name in names]))
        told = norms.isfinite().tolist()
        fine |= {name for name, is_finite in zip(names, told, strict=True) if is_finite}
    return {name: value for name, value in tensors.items() if name not in fine}


def _told(key: str) -> str:
    kind, _, name = key.partition(".")
    if kind == "optimizer":
        parameter, _, moment = name.rpartition(".")
        return f"the optimizer's {moment} of {parameter}"
    return name


def _sentence(names: Iterable[str]) -> str:
    first, *more = names
    if not more:
        return f"{first} is not finite"
    return f"{first} and {len(more)} more are not finite"
