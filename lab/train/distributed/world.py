"""Several processes that train one run.

Design choices:
- they agree on the CPU, beside whatever the devices are doing: whether anybody was asked to stop is
  known after every step, at no wait for a GPU;
- all of them go through the same steps, evaluations and checkpoints, as each is decided by numbers
  that all have; the first alone has files, a tracker, and what it says to people.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Literal

import torch
import torch.distributed as dist
from torch import nn

from lab.batch import Batch
from lab.config.train import TrainConfig
from lab.train.by_position import ByPosition
from lab.train.checkpoint import Checkpoints
from lab.train.distributed.checkpoints import SharedCheckpoints
from lab.train.distributed.evaluation import evaluate
from lab.train.distributed.layout import Layout, Replicated, Sharded
from lab.train.distributed.meeting import Meeting, number_here
from lab.train.distributed.update import Together
from lab.train.hooks import Hook
from lab.train.member import Member
from lab.train.optimizer import build_optimizer
from lab.train.state import TrainState
from lab.train.update import Update
from lab.train.world import World

Parallel = Literal["ddp", "fsdp"]
SETTLING = 0.2  # seconds
PATIENCE = timedelta(hours=1)  # with the first process, which writes packages and samples


class Several(World):
    """Entered by each process of a meeting, for the training of one run, and once: where to find
    each other is written in the meeting's store for good.
    """

    def __init__(self, meeting: Meeting, *, parallel: Parallel, device: torch.device) -> None:
        self.meeting, self.parallel, self.device = meeting, parallel, device
        self.is_first = meeting.is_first

    def __enter__(self) -> "Several":
        if self.device.type == "cuda":
            torch.cuda.set_device(number_here())
        dist.init_process_group(
            None if self.device.type == "cuda" else "gloo",  # None: one for each kind of device
            store=self.meeting.store,
            rank=self.meeting.rank,
            world_size=self.meeting.size,
            timeout=PATIENCE,
        )
        return self

    def __exit__(self, *_: object) -> None:
        """A thread of gloo lets go of a tensor only after it has said that it is done, and needs
        Python's lock for it: ending the group at once could wait for that thread while holding the
        lock, for ever.
        """
        time.sleep(SETTLING)
        dist.destroy_process_group()

    def state(self, model: nn.Module, config: TrainConfig, *, device: torch.device) -> TrainState:
        self.layout = self._laid_out(model, config, device)
        return TrainState(model, build_optimizer(model, config.optimizer))

    def update(self, member: Member, *, compiled: bool) -> Update:
        return Together(
            member, self.layout, rank=self.meeting.rank, size=self.meeting.size, compiled=compiled
        )

    def checkpoints(self, folder: Path, *, run: str, witness: Callable[[int], str]) -> Checkpoints:
        return SharedCheckpoints(folder, run=run, witness=witness, meeting=self.meeting)

    def evaluate(
        self,
        model: nn.Module,
        batches: Iterable[Batch],
        *,
        precision: str,
        by_position: ByPosition | None = None,
    ) -> dict[str, float]:
        return evaluate(
            model, batches, self.layout, rank=self.meeting.rank, size=self.meeting.size,
            precision=precision, by_position=by_position,
        )  # fmt: skip

    def whole(self, model: nn.Module) -> nn.Module | None:
        return self.layout.whole(model, wanted=self.is_first)

    def hooks(self, hooks: Sequence[Hook]) -> Sequence[Hook]:
        return [_OfTheWhole(hook, self) for hook in hooks]

    def any(self, flag: bool) -> bool:
        said = torch.tensor(int(flag))
        dist.all_reduce(said, op=dist.ReduceOp.MAX)
        return bool(said)

    def _laid_out(self, model: nn.Module, config: TrainConfig, device: torch.device) -> Layout:
        if self.parallel == "fsdp":
            return Sharded(model, precision=config.precision, device=device, is_first=self.is_first)
        return Replicated(model, precision=config.precision, device=device)


class _OfTheWhole:
    """A hook that is called in the first process only, with a whole model."""

    def __init__(self, hook: Hook, world: World) -> None:
        self._hook, self._world = hook, world

    def on_eval(self, model: nn.Module, *, step: int) -> None:
        whole = self._world.whole(model)
        if whole is not None:
            self._hook.on_eval(whole, step=step)
