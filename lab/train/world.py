"""Who trains a run: one process, or several that share the work.

Design choices:
- what differs between the two stands behind one interface, so that a run is put together, trained,
  judged and packaged in one way only;
- of several processes each calls the same methods in the same order, and one, the first, writes.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch
from torch import nn

from lab.batch import Batch
from lab.config.train import TrainConfig
from lab.train.by_position import ByPosition
from lab.train.checkpoint import Checkpoints
from lab.train.evaluation import evaluate
from lab.train.hooks import Hook
from lab.train.member import Member
from lab.train.optimizer import build_optimizer
from lab.train.state import TrainState
from lab.train.update import Alone, Update


class World:
    """One process, which does everything itself."""

    is_first = True

    def state(self, model: nn.Module, config: TrainConfig, *, device: torch.device) -> TrainState:
        """A model on its device, and its optimizer."""
        model = model.to(device)
        return TrainState(model, build_optimizer(model, config.optimizer))

    def update(self, member: Member, *, compiled: bool) -> Update:
        """What trains a run whose state was made here."""
        return Alone(
            member.state, member.batches, member.config, seed=member.seed, compiled=compiled
        )

    def checkpoints(self, folder: Path, *, run: str, witness: Callable[[int], str]) -> Checkpoints:
        """Those of a run whose state was made here."""
        return Checkpoints(folder, run=run, witness=witness)

    def evaluate(
        self,
        model: nn.Module,
        batches: Iterable[Batch],
        *,
        precision: str,
        by_position: ByPosition | None = None,
    ) -> dict[str, float]:
        """As `lab.train.evaluation.evaluate`, with the same answer in every process."""
        return evaluate(model, batches, precision=precision, by_position=by_position)

    def whole(self, model: nn.Module) -> nn.Module | None:
        """A model that one process can use by itself; None in all but the first."""
        return model

    def hooks(self, hooks: Sequence[Hook]) -> Sequence[Hook]:
        """The same, called with whole models only."""
        return hooks

    def any(self, flag: bool) -> bool:
        """Whether any process says yes."""
        return flag


ALONE = World()
