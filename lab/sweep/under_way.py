"""A run that a worker is carrying out, as the supervisor sees it from outside.

Design choices:
- a worker touches its progress file as it trains; a run whose file stays as it is for `timeout`
  seconds hangs. Only time in which the supervisor itself was watching counts, so that neither a
  machine that slept nor a stopped supervisor makes a run hang;
- how it failed is read from what it left: its own word, else its exit code, beside what the kernel
  counts.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.files import read_json
from lab.log import TEXT
from lab.sweep.attempts import FAILURE, Mishap, ending, last_lines, oom_kills
from lab.sweep.launcher import Job
from lab.sweep.plan import PlannedRun
from lab.sweep.worker import PROGRESS

GLANCE = 1.0  # the most seconds that count between two looks


@dataclass
class UnderWay:
    """A run's job; `stopped` once it was asked to end, `hung` once it was killed for silence."""

    run: PlannedRun
    job: Job
    timeout: float
    log_begins: int
    killed_before: int
    silent: float = 0.0
    touched: int | None = None
    progress: dict[str, Any] = field(default_factory=dict)
    stopped: bool = False
    hung: bool = False

    @property
    def folder(self) -> Path:
        return self.job.folders[0]

    def look(self, seconds: float) -> bool:
        """Take note of progress, `seconds` after the last look; whether it is found to hang."""
        touched = None
        with suppress(OSError):
            touched = (self.folder / PROGRESS).stat().st_mtime_ns
        if touched != self.touched:
            self.touched, self.silent = touched, 0.0
            with suppress(OSError, ValueError):
                found = read_json(self.folder / PROGRESS)
                self.progress = found if isinstance(found, dict) else {}
        else:
            self.silent += min(seconds, GLANCE)
        if self.hung or self.silent < self.timeout:
            return False
        self.hung = True
        self.job.kill()
        return True

    def stop(self, *, at_once: bool = False) -> None:
        self.stopped = True
        if at_once:
            self.job.kill()
        else:
            self.job.stop()

    def mishap(self) -> Mishap:
        """What became of it, where it has ended without an answer."""
        log = last_lines(self.folder / TEXT, since=self.log_begins)
        step = self.progress.get("step")
        if self.hung:
            return Mishap(f"hung, for {self.timeout:g} s without progress", step, log)
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = read_json(self.folder / FAILURE)
            return Mishap(str(told["error"]), told["step"], log)
        killed = oom_kills() > self.killed_before
        return Mishap(ending(self.job.exit_code, kernel_killed=killed), step, log)


def under_way(run: PlannedRun, job: Job, *, timeout: float) -> UnderWay:
    """A job that has just been started."""
    size = 0
    with suppress(OSError):
        size = (job.folders[0] / TEXT).stat().st_size
    return UnderWay(run, job, timeout, size, oom_kills())
