"""The composition root: a work order in, a finished run folder and a package out.

    config ─► data, model, optimizer ─► train ─► evaluate ─► package ─► result.json

This is the one place where every room meets. A run knows nothing of the sweep it belongs to: its
labels are passed on to the tracker, unread.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from lab.config.order import WorkOrder
from lab.config.run import RunConfig
from lab.files import clear_leftovers, write_json
from lab.parts import Parts
from lab.run_folder import CHECKPOINT, REACHED, RESULT, ending_in
from lab.track.build import build_tracker
from lab.track.csv import witness
from lab.train.checkpoint import Checkpoints
from lab.train.clock import Clock
from lab.train.evaluation import cross_entropy, logits_of
from lab.train.loop import Outcome, train

BEAT = 1.0  # seconds
Row = Callable[[int, Mapping[str, float]], None]
log = logging.getLogger(__name__)


def execute(
    order: WorkOrder,
    *,
    folder: Path,
    stop: Callable[[], bool] = lambda: False,
    on_row: Row = lambda step, row: None,
) -> dict[str, Any] | None:
    """Train, judge and package a run in its folder; returns the content of its `result.json`.

    Continues from the newest checkpoint in the folder; a run that has its result already is not
    trained again. A run that has come to `order.until` gets a `reached.json` instead, and an order
    with a later one continues it. None means that `stop` said yes: the state is saved, and the same
    call continues. Raises whatever went wrong. No one else may write in the folder meanwhile.
    """
    checkpoints = Checkpoints(
        folder / CHECKPOINT, run=order.digest, witness=lambda step: witness(folder, step=step)
    )
    if (settled := _settled(order, folder)) is not None:
        _tidy(folder, checkpoints)
        return settled
    clock = Clock()
    with clock.phase("setup"):
        clear_leftovers(folder)
        run = Parts(order, folder, clock, beat=stop)
        resumed = checkpoints.restore(run.state)
        if resumed:
            clock.restore(run.state.seconds)
    _note("begun", order, step=run.state.step)
    tracker = build_tracker(order.config.tracking)
    with clock.phase("track"):
        tracker.start(run.info(resumed=resumed), step=run.state.step)
    status = "failed"
    try:
        outcome = train(
            run.state,
            run.batches,
            order.config.train,
            seed=order.config.seed,
            tokens_per_step=order.config.tokens_per_step,
            tracker=tracker,
            clock=clock,
            until=order.until,
            checkpoints=checkpoints,
            hooks=run.hooks(tracker),
            stop=stop,
            on_row=on_row,
        )
        status = outcome.status
        if outcome.status == "interrupted":
            _note(outcome.status, order, step=outcome.step)
            return None
        values = run.judged(outcome)
        outcome = _judged_finite(outcome, values, order.judge)
        metrics = {name: value for name, value in values.items() if math.isfinite(value)}
        status = outcome.status
        if outcome.status == "complete" and order.package:
            with clock.phase("package"):
                package = run.package(Path(order.package), metrics)
            with clock.phase("track"):
                tracker.artifact(package)
        with clock.phase("track"):
            tracker.summary(metrics)
    finally:
        with clock.phase("track"), _beating(stop):
            tracker.finish(status=status)
    _note(outcome.status, order, step=outcome.step)
    content = run.result(outcome, metrics)
    if outcome.status == "paused":
        write_json(folder / REACHED, content)
        return content
    write_json(folder / RESULT, content)
    _tidy(folder, checkpoints)
    return content


def time_steps(config: RunConfig, data: Path | None, *, threads: int, steps: int = 8) -> float:
    """Seconds a training token takes here, from the quickest of some real steps.

    Of one thread on a CPU they are its own: a busy machine does not make a model dearer.
    """
    order = WorkOrder(
        run="timed", digest="", config=config, labels={}, settings={}, threads=threads,
        data=str(data) if data else None, provenance={},
    )  # fmt: skip
    run = Parts(order, Path(), Clock())
    alone = run.device.type == "cpu" and threads == 1
    clock = time.thread_time if alone else time.perf_counter
    seconds = []
    for number in range(1, steps + 1):
        since = clock()
        batch = run.batches.batch(number)
        logits = logits_of(run.state.model, batch, run.device)
        cross_entropy(logits, batch.targets.to(run.device)).backward()  # type: ignore[no-untyped-call]
        run.state.optimizer.step()
        run.state.optimizer.zero_grad()
        if run.device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(clock() - since)
    return min(seconds) / config.tokens_per_step


@contextmanager
def _beating(beat: Callable[[], object]) -> Iterator[None]:
    """Say that the run goes on, while it waits for what has a limit of its own."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(BEAT):
            beat()

    thread = threading.Thread(target=work, name="lab-beat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _note(event: str, order: WorkOrder, *, step: int) -> None:
    """A line of the run's log."""
    fields = {"event": event, "run": order.run, "step": step}
    log.info("%s at step %d of %d", event, step, order.config.train.steps, extra={"fields": fields})


def _settled(order: WorkOrder, folder: Path) -> dict[str, Any] | None:
    """The result that an attempt before this one has left; one that does not answer is removed.

    Raises `SweepError` for one of another run, and for one that cannot be read.
    """
    found = ending_in(folder, digest=order.digest)
    if found is None:
        return None
    answers = found["status"] == "diverged" or f"{order.judge}/loss" in found["metrics"]
    if found["status"] in ("complete", "diverged") and answers:
        return found
    (folder / RESULT).unlink()
    return None


def _tidy(folder: Path, checkpoints: Checkpoints) -> None:
    """Remove what only an unfinished run needs."""
    checkpoints.delete()
    (folder / REACHED).unlink(missing_ok=True)


def _judged_finite(outcome: Outcome, values: Mapping[str, float], judge: str) -> Outcome:
    """A run whose last word is not finite has diverged, wherever its training went."""
    name = f"{judge}/loss"
    if outcome.status != "complete" or math.isfinite(values[name]):
        return outcome
    return replace(
        outcome, status="diverged", diverged_at=outcome.step, reason=f"{name} is not finite"
    )
