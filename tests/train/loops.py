"""Runs of the training loop alone, with what a tracker was told of them."""

import math
from typing import Any

import torch

from lab.config.run import RunConfig
from lab.data.feed import Feed
from lab.train.clock import Clock
from lab.train.loop import Outcome, train
from lab.train.state import TrainState


class Rows:
    """A tracker that keeps what it is told, without timing."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, float]] = {}

    def log(self, metrics: dict[str, float], *, step: int) -> None:
        self.rows[step] = {k: v for k, v in metrics.items() if not k.startswith("time/")}


class Source:
    """Batches with a fixed size of evaluation batch."""

    def __init__(self, feed: Feed) -> None:
        self.feed, self.batch = feed, feed.batch
        self.evaluation = lambda split: feed.evaluation(split, batch_size=8)


Setup = tuple[TrainState, Source, RunConfig]


def run(parts: Setup, rows: Rows | None = None, **options: Any) -> tuple[Outcome, Rows]:
    state, source, config = parts
    rows = rows or Rows()
    outcome = train(
        state,
        source,
        config.train,
        seed=config.seed,
        tokens_per_step=config.tokens_per_step,
        tracker=rows,
        clock=Clock(),
        **options,
    )
    return outcome, rows


def weights(state: TrainState) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in state.model.parameters()])


def poison(parts: Setup, at: int) -> None:
    """Spoil a weight before step `at`."""
    batch = parts[1].batch

    def poisoned(step: int, *, part: slice | None = None):
        if step == at:
            with torch.no_grad():
                parts[0].model.embedding.weight[0] = math.nan
        return batch(step, part=part)

    parts[1].batch = poisoned
