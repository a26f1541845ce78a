"""What a worker is carrying out, one run or several as one job, as the supervisor sees it.

Design choices:
- a worker touches the progress files of its runs as it trains; a job whose files all stay as they
  are for `timeout` seconds hangs. Only time in which the supervisor itself was watching counts, so
  that neither a machine that slept nor a stopped supervisor makes a run hang;
- a run of several that has its result has ended, whatever becomes of its job;
- how it failed is read from what it left: its own word, else its exit code, beside what the kernel
  counts.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.files import read_json
from lab.log import TEXT
from lab.run_folder import RESULT
from lab.sweep.attempts import FAILURE, Mishap, ending, last_lines, oom_kills
from lab.sweep.launcher import Job
from lab.sweep.plan import PlannedRun
from lab.sweep.worker import PROGRESS

GLANCE = 1.0  # the most seconds that count between two looks


@dataclass(eq=False)
class Part:
    """A run of a job, and what it has told so far."""

    run: PlannedRun
    folder: Path
    log_begins: int
    touched: int | None = None
    progress: dict[str, Any] = field(default_factory=dict)

    def look(self) -> bool:
        """Take note of progress; whether there was any."""
        touched = None
        with suppress(OSError):
            touched = (self.folder / PROGRESS).stat().st_mtime_ns
        if touched == self.touched:
            return False
        self.touched = touched
        with suppress(OSError, ValueError):
            found = read_json(self.folder / PROGRESS)
            self.progress = found if isinstance(found, dict) else {}
        return True


@dataclass
class UnderWay:
    """A job and those of its `many` runs that have not ended; `stopped` once it was asked to end,
    `hung` once it was killed for silence."""

    parts: list[Part]
    job: Job
    timeout: float
    killed_before: int
    many: int
    silent: float = 0.0
    stopped: bool = False
    hung: bool = False

    @property
    def runs(self) -> list[PlannedRun]:
        return [part.run for part in self.parts]

    def look(self, seconds: float) -> bool:
        """Take note of progress, `seconds` after the last look; whether it is found to hang."""
        news = [part.look() for part in self.parts]
        if any(news):
            self.silent = 0.0
        else:
            self.silent += min(seconds, GLANCE)
        if self.hung or self.silent < self.timeout:
            return False
        self.hung = True
        self.job.kill()
        return True

    def ended(self) -> list[Part]:
        """The runs that have ended since this was asked last: all, where the job has."""
        if not self.job.is_alive():
            found = self.parts
        elif self.many > 1:
            found = [part for part in self.parts if (part.folder / RESULT).is_file()]
        else:
            return []
        self.parts = [part for part in self.parts if part not in found]
        return found

    def stop(self, *, at_once: bool = False) -> None:
        self.stopped = True
        if at_once:
            self.job.kill()
        else:
            self.job.stop()

    def mishap(self, part: Part) -> Mishap:
        """What became of a run, where the job has ended without an answer for it."""
        log = last_lines(part.folder / TEXT, since=part.log_begins)
        step = part.progress.get("step")
        if self.hung:
            return Mishap(f"hung, for {self.timeout:g} s without progress", step, log)
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = read_json(part.folder / FAILURE)
            return Mishap(str(told["error"]), told["step"], log)
        killed = oom_kills() > self.killed_before
        return Mishap(ending(self.job.exit_code, kernel_killed=killed), step, log)


def under_way(runs: Sequence[PlannedRun], job: Job, *, timeout: float) -> UnderWay:
    """A job that has just been started."""
    parts = []
    for run, folder in zip(runs, job.folders, strict=True):
        size = 0
        with suppress(OSError):
            size = (folder / TEXT).stat().st_size
        parts.append(Part(run, folder, size))
    return UnderWay(parts, job, timeout, oom_kills(), many=len(parts))
