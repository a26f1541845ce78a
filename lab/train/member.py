"""A run under way: what it is trained on, what it tells, where it saves, and how it ends.

Design choices:
- it knows nothing of how its parameters are updated: alone, or as one of many in a cohort;
- a row is written every `log_every` steps, at each evaluation and at the end: the mean training
  loss and gradient norm since the row before, and the validation metrics where there are any;
- losses stay on the device until a row is logged; what is not finite, in loss, gradient, optimizer
  or a single parameter, is found there and ends the run as diverged, with the step at which it
  first stood;
- the step that logs decides nothing: intervals change what is recorded, never the parameters.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import torch

from lab.batch import Batch
from lab.config.train import TrainConfig
from lab.track.base import Tracker
from lab.train.checkpoint import Checkpoints
from lab.train.clock import Clock
from lab.train.evaluation import Evaluate, evaluate
from lab.train.finite import Fault, first_fault
from lab.train.hooks import Hook
from lab.train.state import TrainState


class BatchSource(Protocol):
    """Where batches come from: a pure function of the step, and whole splits in order."""

    def batch(self, step: int, *, part: slice | None = None) -> Batch: ...

    def evaluation(self, split: str) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class Outcome:
    """How the training of a run ended, for now or for good.

    `metrics` are those of the last row it logged, if any; `initial` were before any step; `reason`
    says what was not finite.
    """

    status: Literal["complete", "diverged", "interrupted", "paused"]
    step: int
    metrics: dict[str, float]
    initial: dict[str, float]
    diverged_at: int | None = None
    reason: str | None = None


@dataclass(eq=False)
class Member:
    """`on_row` sees every logged row; `evaluate` judges its model."""

    state: TrainState
    batches: BatchSource
    config: TrainConfig
    seed: int
    tokens_per_step: int
    tracker: Tracker
    clock: Clock
    checkpoints: Checkpoints | None = None
    hooks: Sequence[Hook] = ()
    on_row: Callable[[int, dict[str, float]], None] = lambda step, row: None
    evaluate: Evaluate = evaluate
    last_row: dict[str, float] = field(default_factory=dict)
    fault: Fault | None = None

    def __post_init__(self) -> None:
        self._logged = (self.state.step, time.perf_counter())

    def begin(self) -> Outcome | None:
        """Judge the initial values, before any step; how it ended where they are not finite."""
        state = self.state
        state.model.train()
        if state.step > 0:
            return None
        row = self._row(evaluating=True)
        state.initial = {
            name: value
            for name, value in row.items()
            if name.startswith("val/") and math.isfinite(value)
        }
        if self.fault is not None:
            return self._ended("diverged")
        self._call_hooks()
        return None

    def judge(self) -> Outcome | None:
        """The row and the evaluation that are due after an update; how the run ended, where the
        last step was made or something is not finite."""
        state, config = self.state, self.config
        last = state.step == config.steps
        evaluating = last or state.step % config.eval_interval == 0
        if evaluating or state.step % config.log_every == 0:
            self._row(evaluating=evaluating)
            if self.fault is not None:
                return self._ended("diverged")
        if evaluating:
            self._call_hooks()
        return self._ended("complete") if last else None

    def save(self, *, goal: int, stopping: bool) -> Outcome | None:
        """The checkpoint that is due after an update; how the run ended, where it has come to its
        `goal`, or was asked to stop."""
        state, reached = self.state, self.state.step == goal
        due = state.step % self.config.checkpoint_interval == 0
        if self.checkpoints and (stopping or reached or due):
            with self.clock.phase("checkpoint"):
                state.seconds = self.clock.snapshot()
                self.checkpoints.save(state)
        if reached:
            return self._ended("paused")
        return self._ended("interrupted") if stopping and self.checkpoints else None

    def stands_beyond(self, goal: int) -> Outcome | None:
        """How it ended, where there is nothing to do up to a goal."""
        if self.state.step < goal:
            return None
        return self._ended("complete" if self.state.step == self.config.steps else "paused")

    def _row(self, *, evaluating: bool) -> dict[str, float]:
        """Log the steps since the last row, and the validation split if asked."""
        state, step = self.state, self.state.step
        row: dict[str, float] = {"tokens": step * self.tokens_per_step}
        with self.clock.phase("train"):
            self.fault = first_fault(state)
        if state.pending:
            rows = torch.stack(state.pending)[:, :2].cpu().double()
            loss, norm = rows.mean(dim=0).tolist()
            rate = state.optimizer.param_groups[0]["lr"]
            row |= {"train/loss": loss, "train/grad_norm": norm, "train/lr": float(rate)}
            state.pending = []
        if evaluating and self.fault is None:
            with self.clock.phase("eval"):
                batches = self.batches.evaluation("val")
                values = self.evaluate(state.model, batches, precision=self.config.precision)
            row |= {f"val/{name}": value for name, value in values.items()}
            if not math.isfinite(values["loss"]):
                self.fault = Fault(step, "the validation loss is not finite")
        with self.clock.phase("track"):
            self.tracker.log(row | self._timing(), step=step)
        self.last_row = row
        self.on_row(step, row)
        return row

    def _call_hooks(self) -> None:
        with self.clock.phase("track"):
            for hook in self.hooks:
                hook.on_eval(self.state.model, step=self.state.step)

    def _timing(self) -> dict[str, float]:
        """Seconds since the start of training, and tokens a second since the last row."""
        step, now = self.state.step, time.perf_counter()
        steps, seconds = step - self._logged[0], now - self._logged[1]
        self._logged = (step, now)
        spent = {"time/seconds": sum(self.clock.snapshot().values())}
        if steps:
            spent["time/tokens_per_second"] = steps * self.tokens_per_step / seconds
        return spent

    def _ended(self, status: Literal["complete", "diverged", "interrupted", "paused"]) -> Outcome:
        fault = self.fault or (None, None)
        return Outcome(status, self.state.step, self.last_row, self.state.initial, *fault)
