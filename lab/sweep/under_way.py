"""What a worker is carrying out, one run or several as one job, as the supervisor sees it.

Design choices:
- a worker touches the progress files of its runs as it trains; a job whose files all stay as they
  are for `timeout` seconds hangs. Only time in which the supervisor itself was watching counts, so
  that neither a machine that slept nor a stopped supervisor makes a run hang;
- a job that waits for a place cannot hang, however long it does;
- a run of several that has its result has ended, whatever becomes of its job; one that was not
  reached when the job ended has not been tried;
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
from lab.sweep.launchers.protocol import Job
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

    @property
    def has_begun(self) -> bool:
        """Whether anybody has worked on it in this job."""
        return self.touched is not None or _size(self.folder / TEXT) > self.log_begins

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


@dataclass(eq=False)
class UnderWay:
    """A job and those of its `many` runs that have not ended, carried out `together` as a cohort or
    one after the other; `stopped` once it was asked to end,
    `hung` once it was killed for silence."""

    parts: list[Part]
    job: Job
    timeout: float
    killed_before: int
    many: int
    together: bool
    silent: float = 0.0
    stopped: bool = False
    hung: bool = False
    first: Part | None = None  # of those without an answer when the job had ended

    @property
    def runs(self) -> list[PlannedRun]:
        return [part.run for part in self.parts]

    def look(self, seconds: float) -> bool:
        """Take note of progress, `seconds` after the last look; whether it is found to hang."""
        news = [] if self.job.waits else [part.look() for part in self.parts]
        if self.job.waits or any(news):
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
            self.first = next((p for p in found if not (p.folder / RESULT).is_file()), None)
        elif self.many > 1:
            found = [part for part in self.parts if (part.folder / RESULT).is_file()]
        else:
            return []
        self.parts = [part for part in self.parts if part not in found]
        return found

    def was_reached(self, part: Part) -> bool:
        """Whether the job came to a run: of those that go one after the other, to the first that
        has no answer, and to those begun."""
        has_failed = (part.folder / FAILURE).is_file()
        return self.together or part is self.first or part.has_begun or has_failed

    def stop(self, *, at_once: bool = False) -> None:
        self.stopped = True
        if at_once:
            self.job.kill()
        else:
            self.job.stop()

    def mishap(self, part: Part) -> Mishap:
        """What became of a run, where the job has ended without an answer for it."""
        part.look()
        log = last_lines(part.folder / TEXT, since=part.log_begins)
        step = part.progress.get("step")
        if self.hung:
            return Mishap(f"hung, for {self.timeout:g} s without progress", step, log)
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = read_json(part.folder / FAILURE)
            return Mishap(str(told["error"]), told["step"], log)
        if self.job.lost:
            return Mishap(self.job.lost, step, log, lost=True)
        killed = oom_kills() > self.killed_before
        return Mishap(ending(self.job.exit_code, kernel_killed=killed), step, log)


def under_way(
    runs: Sequence[PlannedRun],
    job: Job,
    *,
    timeout: float,
    together: bool = False,
    killed: int = 0,
) -> UnderWay:
    """A job that has just been started, or some runs of one that was found; before, the kernel had
    `killed` so many processes for memory."""
    folders = {folder.name: folder for folder in job.folders}
    parts = [Part(run, folders[run.name], _size(folders[run.name] / TEXT)) for run in runs]
    return UnderWay(parts, job, timeout, killed, many=len(folders), together=together)


def _size(file: Path) -> int:
    with suppress(OSError):
        return file.stat().st_size
    return 0
