"""The evaluations of a cohort's members in one pass, each told to its member when that asks.

Members read the same split, so that one batch serves all. On a GPU a pass of a small model takes as
long as Python takes to launch it, for many members as for one; on a CPU, whose passes are already
full of work, each member is evaluated by itself.
"""

from collections.abc import Iterable
from functools import partial

import torch
from torch import Tensor, nn

from lab.batch import Batch
from lab.train.by_position import ByPosition
from lab.train.cohort import Cohort
from lab.train.device import moved
from lab.train.evaluation import Evaluate, cross_entropy
from lab.train.member import Member
from lab.train.precision import computing
from lab.train.tally import Tally


class Evaluations:
    """Of the members of a cohort, which are all at one step when they ask."""

    def __init__(self, cohort: Cohort) -> None:
        self.cohort = cohort
        self.step: int | None = None
        self.known: dict[Member, dict[str, float]] = {}

    def of(self, member: Member) -> Evaluate:
        """What evaluates a member."""
        return partial(self._evaluate, member)

    def _evaluate(
        self,
        member: Member,
        model: nn.Module,
        batches: Iterable[Batch],
        *,
        precision: str,
        by_position: ByPosition | None = None,
    ) -> dict[str, float]:
        assert model is member.state.model
        assert by_position is None, "positions are told of finished models, one by one"
        if self.step != member.state.step:
            tallies = self._read(batches, precision)
            metrics = [tally.metrics() for tally in tallies]
            self.known = dict(zip(self.cohort.members, metrics, strict=True))
            self.step = member.state.step
        return self.known[member]

    @torch.inference_mode()
    def _read(self, batches: Iterable[Batch], precision: str) -> list[Tally]:
        """Add up what is told of each member."""
        model = computing(self.cohort.stacked, precision).eval()
        tallies = [Tally(self.cohort.device) for _ in self.cohort.members]
        for batch in batches:
            losses, logits = self._said(model, batch)
            for tally, own, said in zip(tallies, losses, logits, strict=True):
                tally.add(batch, own, said)
        self.cohort.stacked.train()
        return tallies

    def _said(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """The losses (K, B, T) of a batch, and the logits, if a floor has somebody ask for them."""
        config = self.cohort.config
        rows = config.batch_size // config.micro_batches  # for these there is memory
        losses, logits = list[Tensor](), list[Tensor]()
        for first in range(0, len(batch.inputs), rows):
            own = slice(first, first + rows)
            told = {"documents": batch.documents} if batch.documents is not None else {}
            documents = {name: self._for_all(values[own]) for name, values in told.items()}
            said = model(self._for_all(batch.inputs[own]), **documents)
            targets = self._for_all(batch.targets[own])
            losses.append(cross_entropy(said, targets, reduction="none").view(targets.shape))
            if batch.floor is not None:
                logits.append(said)
        found = torch.cat(losses, dim=1)
        return found, torch.cat(logits, dim=1) if logits else found

    def _for_all(self, values: Tensor) -> Tensor:
        """(b, t) on the device, as (K, b, t)."""
        return moved(values, self.cohort.device).expand(len(self.cohort.members), *values.shape)
