"""Checkpoints of a run that several processes train, of the same form as those of one alone.

Design choices:
- the first process writes and reads them, so that one disk is enough, and one set of files;
- a tensor of which each process has a share comes together for the file, one after the other, and
  never stays on a device;
- what a file holds must fit before anybody is told to take it: nobody waits for one that fails.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lab.train.checkpoint import Checkpoints
from lab.train.distributed.layout import gathered, here, spread
from lab.train.distributed.meeting import Meeting
from lab.train.finite import first_fault
from lab.train.state import TrainState

log = logging.getLogger(__name__)


class SharedCheckpoints(Checkpoints):
    """`save` and `restore` are called by all processes at once."""

    def __init__(
        self, folder: Path, *, run: str, witness: Callable[[int], str], meeting: Meeting
    ) -> None:
        super().__init__(folder, run=run, witness=witness)
        self.meeting = meeting

    def save(self, state: TrainState) -> None:
        """As of one process."""
        if fault := first_fault(state):
            log.info("no checkpoint of step %d: %s", state.step, fault.reason)
            return
        flat = {}
        for name, value in state.tensors().items():
            whole = gathered(value)
            if self.meeting.is_first:
                flat[name] = whole if whole is value else whole.cpu()
        if self.meeting.is_first:
            self._write(state, flat)

    def restore(self, state: TrainState) -> bool:
        """As of one process; what the first one finds is what all take over."""
        flat: dict[str, Tensor] = {}

        def take(tensors: dict[str, Tensor]) -> None:
            state.check(tensors)
            flat.update(tensors)

        described = self._newest(take) if self.meeting.is_first else None
        word = None
        if described is not None:
            word = {
                "step": described.step,
                "seconds": described.seconds,
                "initial": described.initial,
                "tensors": [
                    [name, list(value.shape), _said(value)] for name, value in flat.items()
                ],
            }
        if (said := self.meeting.say(word)) is None:
            return False
        self._take_over(state, flat, said["tensors"])
        state.step, state.seconds, state.initial = said["step"], said["seconds"], said["initial"]
        return True

    def _take_over(self, state: TrainState, flat: dict[str, Tensor], told: list[Any]) -> None:
        """Load the first process's tensors, each laid out as the state has it."""
        own = dict(state.model.named_parameters())
        some = next(iter(own.values()))
        laid_out = {}
        for name, shape, kind in told:
            value = flat.pop(name, None)
            if value is None:
                value = torch.empty(shape, dtype=getattr(torch, kind))
            laid_out[name] = spread(value, like=own.get(_parameter(name), here(some)))
        state.load_tensors(laid_out)


def _said(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def _parameter(name: str) -> str:
    """Whose a tensor of a state is; that of no parameter is empty."""
    kind, _, rest = name.partition(".")
    return rest.rpartition(".")[0] if kind == "optimizer" else rest
