"""Jobs that nobody carries out: they end when a clock says so, which jumps from end to end.

Design choices:
- a sweep of weeks on a thousand workers is over in minutes, and the supervisor does all that it
  would do for a true one. What it takes itself is no part of the simulated time;
- how long an attempt takes, and whether it fails, is drawn from a stream named by the run and the
  number of the attempt, so that it depends neither on the workers nor on who was started when;
- an attempt that fails ends somewhere on its way and leaves no checkpoint: the next begins anew,
  which is worse than true runs fare;
- ends that lie closer together than the supervisor looks are told together, as it would see them.
"""

from array import array
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from random import Random

from lab.config.launcher import Simulated
from lab.config.order import WorkOrder
from lab.files import read_json
from lab.run_folder import ORDER, REACHED
from lab.sweep.attempts import ATTEMPTS
from lab.sweep.launchers.made_up import fail, finish
from lab.sweep.launchers.protocol import Job
from lab.sweep.worker import FAILED


@dataclass(eq=False)
class SimulatedJob:
    """Ends at a second of the launcher's clock, without an answer when it is stopped or killed."""

    folders: Sequence[Path]
    attempts: "Sequence[Attempt]"
    begins: float
    ends: float
    exit_code: int | None = None
    lost: None = None
    waits: bool = True  # it has nothing to say while it goes on, and cannot hang

    def is_alive(self) -> bool:
        return self.exit_code is None

    def stop(self) -> None:
        if self.exit_code is None:
            self.exit_code = 0

    def kill(self) -> None:
        self.stop()


@dataclass(frozen=True)
class Attempt:
    """At a run's order: the seconds that it takes and, where it fails, the share of the run that it
    comes to."""

    folder: Path
    order: WorkOrder
    seconds: float
    fails_at: float | None


@dataclass
class Tally:
    """When each job began and ended its work, in seconds of the clock; how many attempts failed."""

    slots: int
    begun: "array[float]" = field(default_factory=lambda: array("d"))
    ended: "array[float]" = field(default_factory=lambda: array("d"))
    last_start: float = 0.0
    n_failed: int = 0

    @property
    def hours(self) -> float:
        """Of work by all workers."""
        return self._seconds(until=max(self.ended, default=0.0)) / 3600

    @property
    def busy(self) -> float:
        """The workers' share of the time that they worked while runs remained: until the last one
        was started. What a job takes to start is no work."""
        return self._seconds(until=self.last_start) / max(1e-9, self.last_start * self.slots)

    @property
    def busy_throughout(self) -> float:
        """The same until the last run had ended."""
        last = max(self.ended, default=0.0)
        return self._seconds(until=last) / max(1e-9, last * self.slots)

    def _seconds(self, *, until: float) -> float:
        spans = zip(self.begun, self.ended, strict=True)
        return sum(max(0.0, min(end, until) - begin) for begin, end in spans)


class SimulatedLauncher:
    """`now` is its clock, in seconds since it was made; `tally` what became of its jobs."""

    outlives = False

    def __init__(self, config: Simulated, *, workers: int | None = None) -> None:
        self.config, self.slots = config, workers or config.workers
        self.now, self.tally = 0.0, Tally(self.slots)
        self._due: list[tuple[float, int, SimulatedJob]] = []
        self._numbers = count()

    def clock(self) -> float:
        return self.now

    def found(self) -> Sequence[Job]:
        return ()

    def gathers(self, seconds: float | None) -> int:
        return 1

    def start(self, folders: Sequence[Path]) -> SimulatedJob:
        attempts = [self._attempt(folder) for folder in folders]
        begins = self.now + self.config.startup
        ends = begins + max(attempt.seconds for attempt in attempts)
        job = SimulatedJob(folders, attempts, begins, ends)
        heappush(self._due, (ends, next(self._numbers), job))
        self.tally.last_start = self.now
        return job

    def wait(self, jobs: Sequence[Job], *, timeout: float) -> None:
        """Come to the end of the job that is due next, and of those soon after it."""
        self._forget_stopped()
        if not self._due:
            self.now += timeout
            return
        until = self._due[0][0] + timeout
        while self._due and self._due[0][0] <= until:
            self.now, _, job = heappop(self._due)
            self._end(job)
            self._forget_stopped()

    def _forget_stopped(self) -> None:
        while self._due and not self._due[0][2].is_alive():
            _, _, job = heappop(self._due)
            self._count(job, max(job.begins, self.now))

    def _end(self, job: SimulatedJob) -> None:
        job.exit_code = 0
        for attempt in job.attempts:
            if attempt.fails_at is None:
                seconds, draw = attempt.seconds, self.config.seed
                finish(attempt.folder, attempt.order, seconds=seconds, draw=draw)
            else:
                fail(attempt.folder, attempt.order, share=attempt.fails_at)
                job.exit_code = FAILED
                self.tally.n_failed += 1
        self._count(job, job.ends)

    def _count(self, job: SimulatedJob, end: float) -> None:
        self.tally.begun.append(job.begins)
        self.tally.ended.append(end)

    def _attempt(self, folder: Path) -> Attempt:
        order = WorkOrder.model_validate_json((folder / ORDER).read_bytes())
        steps = order.config.train.steps
        last = steps if order.until is None else min(order.until, steps)
        first = _step_reached(folder) if (folder / REACHED).exists() else 0
        draw = Random(f"{self.config.seed}/{order.run}/{first}/{_tried(folder)}")
        whole = self.config.seconds.median * self.config.seconds.spread ** draw.gauss()
        seconds, fails_at = whole * max(0, last - first) / steps, None
        if draw.random() < self.config.failures:
            way = draw.random()
            fails_at, seconds = (first + way * (last - first)) / steps, way * seconds
        return Attempt(folder, order, seconds, fails_at)


def _step_reached(folder: Path) -> int:
    return int(read_json(folder / REACHED)["step"])


def _tried(folder: Path) -> int:
    """How often a run has failed so far."""
    if (folder / ATTEMPTS).exists():
        with suppress(OSError, ValueError):
            return len(read_json(folder / ATTEMPTS))
    return 0
