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
from lab.track.null import NullTracker
from lab.train.checkpoint import Checkpoints
from lab.train.clock import Clock
from lab.train.loop import train_many
from lab.train.member import Member, Outcome
from lab.train.update import Alone
from lab.train.world import ALONE, World

BEAT = 1.0  # seconds
Row = Callable[[int, Mapping[str, float]], None]
log = logging.getLogger(__name__)


def execute(
    order: WorkOrder,
    *,
    folder: Path,
    stop: Callable[[], bool] = lambda: False,
    on_row: Row = lambda step, row: None,
    world: World = ALONE,
) -> dict[str, Any] | None:
    """Train, judge and package a run in its folder; returns the content of its `result.json`.

    Continues from the newest checkpoint in the folder; a run that has its result already is not
    trained again. A run that has come to `order.until` gets a `reached.json` instead, and an order
    with a later one continues it. None means that `stop` said yes: the state is saved, and the same
    call continues. Raises whatever went wrong. No one else may write in the folder meanwhile. Of
    several processes each calls it, and the first one has the result.
    """
    found = settled(order, folder) if world.is_first else None
    if world.any(found is not None):
        return found
    with Running(order, folder, stop=stop, on_row=on_row, world=world) as run:
        update = world.update(run.member, compiled=order.compiled)
        ended = train_many([run.member], update, until=order.until, stop=lambda: world.any(stop()))
        run.end(*ended)
    return run.content


def settled(order: WorkOrder, folder: Path) -> dict[str, Any] | None:
    """The result that an attempt before this one has left; one that does not answer is removed.

    Raises `SweepError` for one of another run, and for one that cannot be read.
    """
    found = ending_in(folder, digest=order.digest)
    if found is None:
        return None
    answers = found["status"] == "diverged" or f"{order.judge}/loss" in found["metrics"]
    if found["status"] in ("complete", "diverged") and answers:
        _tidy(folder, _checkpoints(order, folder))
        return found
    (folder / RESULT).unlink()
    return None


class Running:
    """A run from its order to its result, whoever trains it: alone, or as one of a cohort.

    Entering reads what the folder holds and begins to track; `member` is then to be trained, and
    its outcome handed to `end`. `content` is that of `result.json` or `reached.json`, None where
    the run was interrupted. Leaving closes the tracker, whatever happened.
    """

    def __init__(
        self,
        order: WorkOrder,
        folder: Path,
        *,
        stop: Callable[[], bool],
        on_row: Row = lambda step, row: None,
        world: World = ALONE,
    ) -> None:
        self.order, self.folder, self.stop = order, folder, stop
        self.on_row, self.world = on_row, world
        self.clock = Clock()
        self.checkpoints = _checkpoints(order, folder, world)
        self.content: dict[str, Any] | None = None
        self._status, self._is_closed = "failed", False

    def __enter__(self) -> "Running":
        order, folder, clock = self.order, self.folder, self.clock
        with clock.phase("setup"):
            if self.world.is_first:
                clear_leftovers(folder)
            self.parts = Parts(order, folder, clock, beat=self.stop, world=self.world)
            resumed = self.checkpoints.restore(self.parts.state)
            if resumed:
                clock.restore(self.parts.state.seconds)
        first = self.world.is_first
        self.tracker = build_tracker(order.config.tracking) if first else NullTracker()
        with clock.phase("track"):
            self.tracker.start(self.parts.info(resumed=resumed), step=self.parts.state.step)
        _note("begun", order, step=self.parts.state.step)
        self.member = Member(
            self.parts.state,
            self.parts.batches,
            order.config.train,
            order.config.seed,
            order.config.tokens_per_step,
            self.tracker,
            clock,
            self.checkpoints,
            self.world.hooks(self.parts.hooks(self.tracker)),
            self.on_row,
            self.world.evaluate,
        )
        return self

    def end(self, outcome: Outcome) -> None:
        """Judge and package what has come to its end, and leave its result."""
        order, folder = self.order, self.folder
        if outcome.status == "interrupted":
            self._finish(outcome)
            return
        values = self.parts.judged(outcome)
        _note("judged", order, step=outcome.step)
        outcome = _judged_finite(outcome, values, order.judge)
        metrics = {name: value for name, value in values.items() if math.isfinite(value)}
        if outcome.status == "complete" and order.package:
            with self.clock.phase("package"):
                package = self.parts.package(Path(order.package), metrics)
            if package is not None:
                with self.clock.phase("track"):
                    self.tracker.artifact(package)
        with self.clock.phase("track"):
            self.tracker.summary(metrics)
        self._finish(outcome)
        if not self.world.is_first:
            return
        self.content = self.parts.result(outcome, metrics)
        if outcome.status == "paused":
            write_json(folder / REACHED, self.content)
            return
        write_json(folder / RESULT, self.content)
        _tidy(folder, self.checkpoints)

    def __exit__(self, *_: object) -> None:
        self._close()

    def _finish(self, outcome: Outcome) -> None:
        self._status = outcome.status
        self._close()
        _note(outcome.status, self.order, step=outcome.step)

    def _close(self) -> None:
        """Close the tracker, once."""
        if self._is_closed:
            return
        self._is_closed = True
        with self.clock.phase("track"), _beating(self.stop):
            self.tracker.finish(status=self._status)


def time_steps(config: RunConfig, data: Path | None, *, threads: int, steps: int = 8) -> float:
    """Seconds a training token takes here, from the quickest of some real steps.

    Of one thread on a CPU they are its own: a busy machine does not make a model dearer.
    """
    order = WorkOrder(
        run="timed", digest="", config=config, labels={}, settings={}, threads=threads,
        data=str(data) if data else None, provenance={},
    )  # fmt: skip
    run = Parts(order, Path(), Clock())
    update = Alone(run.state, run.batches, config.train, seed=config.seed)
    alone = run.device.type == "cpu" and threads == 1
    clock = time.thread_time if alone else time.perf_counter
    seconds = []
    for number in range(1, steps + 1):
        since = clock()
        update.step(number)
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


def _checkpoints(order: WorkOrder, folder: Path, world: World = ALONE) -> Checkpoints:
    return world.checkpoints(
        folder / CHECKPOINT, run=order.digest, witness=lambda step: witness(folder, step=step)
    )


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
