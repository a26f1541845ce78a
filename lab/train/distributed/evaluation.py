"""A split judged by several processes, and the same answer in all of them.

Design choices:
- the batches are those that one process would read, dealt out in turn: no loss is computed twice,
  and only sums in float64 are put together in another order;
- a process that has no batch left computes one that is not counted: where each has a share of the
  weights only, all must call the model equally often.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from lab.batch import Batch
from lab.train.by_position import ByPosition
from lab.train.device import on
from lab.train.distributed.layout import Layout, here
from lab.train.evaluation import logits_of, read
from lab.train.tally import Tally


@torch.no_grad()  # inference mode would leave shared weights unfit for training
def evaluate(
    model: nn.Module,
    batches: Iterable[Batch],
    layout: Layout,
    *,
    rank: int,
    size: int,
    precision: str,
    by_position: ByPosition | None = None,
) -> dict[str, float]:
    """As `lab.train.evaluation.evaluate`; `by_position` comes to know of every batch, too."""
    device = here(next(model.parameters())).device
    was_training = model.training
    model.eval()
    ours = _Dealt(batches, rank, size)
    tally = Tally(device)
    watched = None if by_position is None else ByPosition(by_position.length)
    with layout.reading(model, precision) as reader:
        read(reader, ours, tally, device=device, by_position=watched)
        if ours.company is not None:
            logits_of(reader, on(ours.company, device))
    model.train(was_training)
    found = Tally(torch.device("cpu"))
    for part, places in _of_all(tally, watched, size=size):
        found.merge(part)
        if by_position is not None and places is not None:
            by_position.merge(places)
    return found.metrics()


class _Dealt:
    """Every `size`-th batch; `company` is then one to compute without counting it, if any is."""

    def __init__(self, batches: Iterable[Batch], rank: int, size: int) -> None:
        self._batches, self._rank, self._size = batches, rank, size
        self.company: Batch | None = None

    def __iter__(self) -> Iterator[Batch]:
        number, batch = -1, None
        for number, batch in enumerate(self._batches):
            if number % self._size == self._rank:
                yield batch
        left = (number + 1) % self._size  # of the last round
        self.company = batch if 0 < left <= self._rank else None


def _of_all(
    tally: Tally, places: ByPosition | None, *, size: int
) -> list[tuple[Tally, ByPosition | None]]:
    """What each process has found, in the order of the processes."""
    tally.nats = tally.nats.cpu()
    found: list[Any] = [None] * size
    dist.all_gather_object(found, (tally, places))
    return found
