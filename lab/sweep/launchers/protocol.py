"""Where work orders are carried out. The supervisor knows this interface and nothing behind it.

Design choices:
- the unit of work is a batch of run folders, usually one. A job may end without an answer for some
  of them: the supervisor believes what it reads in a folder, whoever wrote it;
- what only the place can know, it tells: that a scheduler took a job away, or why one was lost;
- jobs of a cluster may go on when the supervisor has ended; the next one finds them again.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class Job(Protocol):
    """Some work orders under way."""

    @property
    def folders(self) -> Sequence[Path]: ...

    def is_alive(self) -> bool: ...

    @property
    def exit_code(self) -> int | None:
        """0 where it ended well, below 0 minus the signal that killed it; None while it lives, and
        where nobody knows."""
        ...

    @property
    def waits(self) -> bool:
        """Whether it has been placed and has not begun, or not begun again: it cannot hang."""
        ...

    @property
    def lost(self) -> str | None:
        """How it ended where that was no doing of its runs, such as by the loss of its machine, in
        words that go on after a run's name; None of any other end, and while it lives."""
        ...

    def stop(self) -> None:
        """Ask for a checkpoint and an end."""

    def kill(self) -> None:
        """End at once."""


class Launcher(Protocol):
    @property
    def slots(self) -> int:
        """How many jobs may run at a time."""
        ...

    @property
    def outlives(self) -> bool:
        """Whether its jobs go on when the supervisor ends, for the next one to find."""
        ...

    def found(self) -> Sequence[Job]:
        """The jobs that an earlier supervisor of this sweep left, dead ones too; asked once."""
        ...

    def gathers(self, seconds: float | None) -> int:
        """How many runs of so many seconds a job is to carry out, one after the other; None where
        nobody knows yet how long runs take."""
        ...

    def start(self, folders: Sequence[Path]) -> Job:
        """Have a job begun; one that is placed with others may be so only when `wait` is called."""
        ...

    def wait(self, jobs: Sequence[Job], *, timeout: float) -> None:
        """Return when a job has ended, or after `timeout` seconds."""
