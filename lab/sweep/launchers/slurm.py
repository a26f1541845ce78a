"""Jobs of a Slurm cluster whose nodes share the folder of the sweep.

Design choices:
- what is started between two waits is submitted as one array;
- a submission that fails is made again for a while: a controller may be down, or a queue full;
- jobs outlive the supervisor: all that it has to know of them lies in their folders, which go once
  they have ended and the supervisor has dealt with them. Their logs stay where they went wrong;
- a first job that ends without having begun means that none will: the folder is not shared, or
  there is no Python of this path. That is told at once.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lab.config.launcher import Slurm, runs_of_a_job
from lab.errors import SweepError
from lab.run_folder import RESULT
from lab.sweep.events import note, warn
from lab.sweep.launchers import sbatch
from lab.sweep.launchers.placed import PlacedJob
from lab.sweep.launchers.protocol import Job
from lab.sweep.launchers.slurm_folder import JobFolder
from lab.sweep.launchers.squeue import Squeue
from lab.sweep.launchers.tokens import lay

check = sbatch.check
LOOK = 1.0  # seconds between two looks at all jobs
GLANCE = 5.0  # the most seconds that count between them
PAUSES = (5.0, 10.0, 20.0, 40.0)  # seconds, after submissions that failed
LEFTOVERS = ("[0-9a-f]" * 32 + ".pkl", ".submission_file_*.sh")  # of submissions


class SlurmLauncher:
    """Places the jobs of the sweep in `folder`, so many `jobs` at a time or as the question says.

    `tokens` are the folders that runs read, `threads` those of one process of a run.
    """

    outlives = True

    def __init__(
        self,
        config: Slurm,
        *,
        folder: Path,
        tokens: Sequence[Path] = (),
        threads: int = 1,
        jobs: int | None = None,
        squeue: Squeue | None = None,
        submit: Callable[..., list[str]] = sbatch.submit,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.slots, self.config, self.threads = jobs or config.jobs, config, threads
        self.folder, self.tokens = folder.absolute(), tokens
        self.jobs, self.logs = self.folder / "jobs", self.folder / "jobs" / "logs"
        self.shelf = self.folder / "tokens"
        self._squeue = squeue or Squeue(clock=clock)
        self._submit, self._clock, self._sleep = submit, clock, sleep
        self._collected: list[PlacedJob] = []
        self._placed: list[PlacedJob] = []
        self._looked = clock()
        self._failures, self._not_before = 0, clock()
        self._any_began = False

    def found(self) -> Sequence[PlacedJob]:
        self._clear_leftovers()
        for path in sorted(self.jobs.glob("*/")):
            if path != self.logs:
                self._find(JobFolder(path))
        self._look(0.0)
        return list(self._placed)

    def _find(self, folder: JobFolder) -> None:
        """Take a job over that may still have something to say, and clear away another."""
        if not folder.is_whole:
            folder.remove()
        elif folder.ended and (folder.told_to_stop or _is_done(folder)):
            self._remove(folder)
        elif folder.number or not folder.revoke():
            job = PlacedJob(folder, self.config, is_ours=False, clock=self._clock)
            job.placed(folder.number or "")
            self._placed.append(job)
        else:  # never submitted, or never to begin
            self._remove(folder)

    def gathers(self, seconds: float | None) -> int:
        return runs_of_a_job(self.config, seconds)

    def start(self, folders: Sequence[Path]) -> PlacedJob:
        spec: dict[str, Any] = {
            "folders": [str(folder.absolute()) for folder in folders],
            "shelf": str(self.shelf),
            "notice": self.config.notice,
        }
        job = PlacedJob(JobFolder.new(self.jobs, spec), self.config, clock=self._clock)
        self._collected.append(job)
        return job

    def wait(self, jobs: Sequence[Job], *, timeout: float) -> None:
        self._forget([job for job in self._placed if job not in jobs and not job.is_alive()])
        self._place()
        self._sleep(timeout)
        seconds = self._clock() - self._looked
        if seconds >= LOOK:
            self._look(min(seconds, GLANCE))

    def _look(self, seconds: float) -> None:
        """See how all jobs are, `seconds` after the last time."""
        self._looked = self._clock()
        alive = [job for job in self._placed if job.is_alive()]
        shown = self._squeue.newest() if alive else None
        for job in alive:
            job.look(seconds, shown)
            self._any_began |= job.began
            if job.vanished and job.is_ours and not self._any_began:
                if self._squeue.was_cancelled(job.number):
                    continue
                self._forget([job])
                raise SweepError(self._why_vanished(job))

    def _place(self) -> None:
        """Submit what was collected; later, where that fails."""
        self._collected = [job for job in self._collected if job.is_alive()]
        if self._collected and self._clock() >= self._not_before:
            self.logs.mkdir(parents=True, exist_ok=True)
            lay(self.tokens, self.shelf)
            self._submit_some(len(self._collected))

    def _submit_some(self, most: int) -> None:
        """Submit an array of so many; where that is refused, as beyond a limit, half as many."""
        while self._collected:
            jobs = self._collected[:most]
            folders = [job.folder.path for job in jobs]
            try:
                numbers = self._submit(
                    folders, self.config,
                    name=self.folder.name, logs=self.logs, threads=self.threads,
                )  # fmt: skip
            except SweepError as error:
                if most == 1:
                    self._put_off(error)
                    break
                most = len(jobs) // 2 or 1
                continue
            self._failures = 0
            self._clear_leftovers()
            note("submitted", f"submitted to Slurm: {', '.join(numbers)}", jobs=numbers)
            for job, number in zip(jobs, numbers, strict=True):
                job.folder.submitted(number)
                job.placed(number)
            self._placed += jobs
            self._collected = self._collected[len(jobs) :]

    def _put_off(self, error: SweepError) -> None:
        """Bear with a failure, for a while or until jobs that are under way have ended."""
        if self._failures >= len(PAUSES) and not any(job.is_alive() for job in self._placed):
            raise SweepError(f"{error}; mend that, and the same command continues")
        pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
        self._failures += 1
        self._not_before = self._clock() + pause
        warn("not submitted", f"{error}; again in {pause:g} s")

    def _why_vanished(self, job: PlacedJob) -> str:
        log = self.logs / f"{job.number}_0_log.err"
        said = log.read_text(errors="replace").strip().splitlines() if log.is_file() else []
        if said:
            return f"Slurm's job {job.number} ended before it began: {said[-1]!r} (see {log})"
        return (
            f"Slurm's job {job.number} ended before it began and left no word in {self.logs}: the "
            f"folder must lie on a disk that the nodes share, with {sys.executable} there, too; "
            f"'scontrol show job {job.number}' and slurmd's log on the node say more"
        )

    def _clear_leftovers(self) -> None:
        for leftover in (path for name in LEFTOVERS for path in self.logs.glob(name)):
            leftover.unlink(missing_ok=True)

    def _forget(self, jobs: Sequence[PlacedJob]) -> None:
        """Remove what is left of jobs that have ended and were dealt with."""
        for job in jobs:
            self._placed.remove(job)
            self._remove(job.folder)

    def _remove(self, folder: JobFolder) -> None:
        number, ended = folder.number, folder.ended or {}
        folder.remove()
        if number:
            names = [f"{number}_submitted.pkl", f"{number}_0_result.pkl"]
            if ended.get("code") == 0:
                names += [f"{number}_0_log.out", f"{number}_0_log.err"]
            for name in (*names, f"{number.partition('_')[0]}_submission.sh"):
                (self.logs / name).unlink(missing_ok=True)


def _is_done(folder: JobFolder) -> bool:
    return all((run / RESULT).is_file() for run in folder.run_folders)
