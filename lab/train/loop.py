"""The training loop: any module, any source of batches, resumable to the byte.

Design choices:
- every random number is a function of names and step, so a resumed run needs no generator state;
- losses stay on the device until a row is logged; what is not finite, in loss, gradient, optimizer
  or a single parameter, is found there and ends the run as diverged, with the step at which it
  first stood;
- a row is written every `log_every` steps, at each evaluation and at the end: the mean training
  loss and gradient norm since the row before, and the validation metrics where there are any;
- rows of unequal lengths are padded at their end, where causality keeps the padding from
  mattering; every scored token of a step weighs the same, in whatever micro-batch;
- the step that logs decides nothing: intervals change what is recorded, never the parameters;
- a run pauses only where it evaluates anyway, so that a pause leaves no trace in any row.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

import torch

from lab.batch import Batch
from lab.config.train import TrainConfig
from lab.streams import stream
from lab.track.base import Tracker
from lab.train.checkpoint import Checkpoints
from lab.train.clock import Clock
from lab.train.evaluation import cross_entropy, evaluate, logits_of, z_loss
from lab.train.finite import Fault, first_fault, vitals
from lab.train.hooks import Hook
from lab.train.optimizer import set_rate
from lab.train.precision import autocast
from lab.train.schedule import rate_factor
from lab.train.state import TrainState


class BatchSource(Protocol):
    """Where batches come from: a pure function of the step, and whole splits in order."""

    def batch(self, step: int, *, part: slice | None = None) -> Batch: ...

    def evaluation(self, split: str) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class Outcome:
    """How a call of `train` ended.

    `metrics` are those of the last row it logged, if any; `initial` were before any step; `reason`
    says what was not finite.
    """

    status: Literal["complete", "diverged", "interrupted", "paused"]
    step: int
    metrics: dict[str, float]
    initial: dict[str, float]
    diverged_at: int | None = None
    reason: str | None = None


def train(
    state: TrainState,
    batches: BatchSource,
    config: TrainConfig,
    *,
    seed: int,
    tokens_per_step: int,
    tracker: Tracker,
    clock: Clock,
    until: int | None = None,
    checkpoints: Checkpoints | None = None,
    hooks: Sequence[Hook] = (),
    stop: Callable[[], bool] = lambda: False,
    on_row: Callable[[int, dict[str, float]], None] = lambda step, row: None,
) -> Outcome:
    """Train `state` in place from its step to `config.steps`.

    Or to `until`, an earlier step with an evaluation (else `ValueError`): there the state is saved
    and the outcome is 'paused', also where `state` stands at or beyond it already. `stop` is asked
    after every step: once it says yes, the state is saved and the outcome is 'interrupted'.
    `on_row` sees every logged row.
    """
    run = _Loop(state, batches, config, seed, tokens_per_step, tracker, clock)
    goal = _goal(config, until)
    row: dict[str, float] = {}
    if state.step == 0:
        row = run.row(evaluate_now=True)
        on_row(0, row)
        state.initial = {
            name: value
            for name, value in row.items()
            if name.startswith("val/") and math.isfinite(value)
        }
        if run.fault is not None:
            return Outcome("diverged", 0, row, state.initial, *run.fault)
        run.call(hooks)
    while state.step < goal:
        with clock.phase("train"):
            run.step()
        last = state.step == config.steps
        evaluating = last or state.step % config.eval_interval == 0
        if evaluating or state.step % config.log_every == 0:
            row = run.row(evaluate_now=evaluating)
            on_row(state.step, row)
            if run.fault is not None:
                return Outcome("diverged", state.step, row, state.initial, *run.fault)
        if evaluating:
            run.call(hooks)
        if checkpoints and not last:
            stopping = stop()
            reached = state.step == goal
            if stopping or reached or state.step % config.checkpoint_interval == 0:
                with clock.phase("checkpoint"):
                    state.seconds = clock.snapshot()
                    checkpoints.save(state)
            if stopping and not reached:
                return Outcome("interrupted", state.step, row, state.initial)
    status: Literal["complete", "paused"] = "complete" if state.step == config.steps else "paused"
    return Outcome(status, state.step, row, state.initial)


def _goal(config: TrainConfig, until: int | None) -> int:
    """The step to train to."""
    if until is None or until >= config.steps:
        return config.steps
    every = config.eval_interval
    if until < 1 or until % every:
        raise ValueError(
            f"until={until} is not a step with an evaluation; pause at a multiple of {every}"
        )
    return until


class _Loop:
    """One run's parts, and what is done with them at a step."""

    def __init__(
        self,
        state: TrainState,
        batches: BatchSource,
        config: TrainConfig,
        seed: int,
        tokens_per_step: int,
        tracker: Tracker,
        clock: Clock,
    ) -> None:
        self.state, self.batches, self.config = state, batches, config
        self.seed, self.tokens_per_step = seed, tokens_per_step
        self.tracker, self.clock = tracker, clock
        self.parameters = [p for p in state.model.parameters() if p.requires_grad]
        self.device = self.parameters[0].device
        self.values = [p.detach() for p in state.model.parameters()]
        self.fault: Fault | None = None
        self.since = (state.step, time.perf_counter())
        state.model.train()

    def step(self) -> None:
        """One update of the optimizer, over all micro-batches."""
        state, config = self.state, self.config
        number = state.step + 1
        rate = config.optimizer.lr * rate_factor(config.schedule, number, steps=config.steps)
        set_rate(state.optimizer, rate)
        size = config.batch_size // config.micro_batches
        parts = [slice(n * size, (n + 1) * size) for n in range(config.micro_batches)]
        batches = [self.batches.batch(number, part=part) for part in parts]
        scored = [batch.n_scored for batch in batches]
        losses = []
        for index, batch in enumerate(batches):
            torch.manual_seed(stream(self.seed, "dropout", number, index))
            weight = scored[index] / sum(scored)
            if not weight:
                continue
            with self._autocast():
                logits = logits_of(state.model, batch, self.device)
                targets = batch.targets.to(self.device, non_blocking=True)
                loss = cross_entropy(logits, targets)
                total = loss + config.z_loss * z_loss(logits, targets) if config.z_loss else loss
            (total * weight).backward()  # type: ignore[no-untyped-call]
            losses.append(loss.detach() * weight)
        limit = config.clip_norm if config.clip_norm is not None else math.inf
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, limit)
        state.optimizer.step()
        state.optimizer.zero_grad(set_to_none=True)
        state.pending.append(vitals(torch.stack(losses).sum(), norm.detach(), self.values))
        state.step = number

    def row(self, *, evaluate_now: bool) -> dict[str, float]:
        """Log the steps since the last row, and the validation split if asked."""
        state, step = self.state, self.state.step
        row: dict[str, float] = {"tokens": step * self.tokens_per_step}
        with self.clock.phase("train"):
            self.fault = first_fault(state)
        if state.pending:
            rows = torch.stack(state.pending)[:, :2].cpu().double()
            loss, norm = rows.mean(dim=0).tolist()
            rate = state.optimizer.param_groups[0]["lr"]
            row |= {"train/loss": loss, "train/grad_norm": norm, "train/lr": rate}
            state.pending = []
        if evaluate_now and self.fault is None:
            with self.clock.phase("eval"):
                batches = self.batches.evaluation("val")
                values = evaluate(state.model, batches, precision=self.config.precision)
            row |= {f"val/{name}": value for name, value in values.items()}
            if not math.isfinite(values["loss"]):
                self.fault = Fault(step, "the validation loss is not finite")
        with self.clock.phase("track"):
            self.tracker.log(row | self._timing(), step=step)
        return row

    def call(self, hooks: Sequence[Hook]) -> None:
        with self.clock.phase("track"):
            for hook in hooks:
                hook.on_eval(self.state.model, step=self.state.step)

    def _timing(self) -> dict[str, float]:
        """Seconds since the start of training, and tokens a second since the last row."""
        step, now = self.state.step, time.perf_counter()
        steps, seconds = step - self.since[0], now - self.since[1]
        self.since = (step, now)
        spent = {"time/seconds": sum(self.clock.snapshot().values())}
        if steps:
            spent["time/tokens_per_second"] = steps * self.tokens_per_step / seconds
        return spent

    def _autocast(self) -> AbstractContextManager[object]:
        return autocast(self.device, self.config.precision)
