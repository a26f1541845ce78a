"""A Slurm job, as a node carries it out: submitit unpacks an `OnNode` there and calls it.

Design choices:
- what is packed is the path of the job's folder; all else is read there, and the runs are carried
  out by a child: this process imports no torch, hears signals and beats;
- told that its time is up, or that it gives way, it has the runs saved and is queued again, by
  submitit, with nobody's help; one whose runs came no further since the last time is not;
- a plain SIGTERM may be a cancellation, or the beginning of a requeue: it saves and then waits to
  be taken away, for a job that ends by itself would not be queued again.
"""

import os
import platform
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.sweep.launchers.child import Child
from lab.sweep.launchers.heartbeat import Heartbeat
from lab.sweep.launchers.node import SHELF
from lab.sweep.launchers.slurm_folder import NOW, JobFolder, standing, without_answer

LOOK = 0.5  # seconds
STAY = 60.0  # after a SIGTERM, for Slurm to take the job away
MARGIN = 5.0  # of the notice, that are left for being queued again
CANCELLED = "was cancelled by Slurm"
NO_FURTHER = (
    "came no further in all the time its job had; give it more (launcher.time), or let it save "
    "more often (train.checkpoint_every)"
)


class OnNode:
    """Carries out the job of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work: Work | None = None

    def __call__(self) -> None:
        job = JobFolder(self.folder)
        claim = {"job": job_number(), "node": platform.node(), "pid": os.getpid()}
        if job.take(claim) and job.ended is None:
            self.work = Work(job)
            self.work.carry_out()

    def checkpoint(self) -> Any:
        """Called in mid-work, when time is up; submitit queues what it returns, if anything."""
        from submitit.helpers import DelayedSubmission

        if self.work is not None and not self.work.is_to_go_on():
            return None
        return DelayedSubmission(OnNode(self.folder))


class Work:
    """The runs of a job on their way."""

    def __init__(self, job: JobFolder) -> None:
        self.job, self.spec, self.folders = job, job.spec, job.run_folders
        self.child: Child | None = None
        self.is_told = False

    def carry_out(self) -> None:
        signal.signal(signal.SIGTERM, lambda *_: self._told())
        self.job.come_back()
        try:
            with Heartbeat(self.job.heartbeat):
                code = self._code()
        except Exception:  # what it was stands in the log of submitit
            left = self.job.left  # as where it may not be queued again
            self.job.end(code=None if left else 1, lost=left)
            raise
        if self.is_told and without_answer(self.folders):
            time.sleep(STAY)
        else:
            self.job.end(code=code)

    def is_to_go_on(self) -> bool:
        """Save, and say whether to queue the job again."""
        self.job.leave("was put off by Slurm, and then taken from the queue")
        self._save(within=max(MARGIN, self.spec["notice"] - MARGIN))
        stands, before = standing(self.folders), self.job.requeued
        if not stands:  # all is done
            self.job.end(code=0)
        elif stands == before:
            self.job.end(lost=NO_FURTHER)
        else:
            self.job.requeue(stands)
        return self.job.ended is None and self.job.is_wanted

    def _code(self) -> int:
        """Have the runs without an answer carried out; the exit code of who does it."""
        folders = without_answer(self.folders)
        if not folders or self.job.told_to_stop:
            return 0
        self.child = Child(folders, environment={SHELF: self.spec["shelf"]})
        asked = False
        while (code := undisturbed(self.child.poll)) is None:
            time.sleep(LOOK)
            how = self.job.told_to_stop
            if how == NOW:
                self.child.kill()
            elif (how or self.is_told) and not asked:
                asked = True
                self.child.stop()
        return code

    def _told(self) -> None:
        self.is_told = True
        self.job.leave(CANCELLED)

    def _save(self, *, within: float) -> None:
        end = time.monotonic() + within
        if self.child is not None:
            self.child.stop()
            if self.child.wait(end - time.monotonic()) is None:
                self.child.kill()


def undisturbed(ask: Callable[[], int | None]) -> int | None:
    """The answer to a question that a signal's handler asks too, which may not be asked in it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR2})
    try:
        return ask()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def job_number() -> str:
    """Of the Slurm job that this process is part of; one of an array has the array's, too."""
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    return f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}" if array else os.environ["SLURM_JOB_ID"]
