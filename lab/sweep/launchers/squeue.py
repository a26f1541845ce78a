"""What Slurm's queue shows: all jobs of this user, asked for at once and seldom.

Design choices:
- it is asked in the background: a controller that is down takes half a minute to say nothing;
- no answer means that nothing is known, never that a job is gone;
- accounting (`sacct`) is not needed: who beats is alive, who is not shown is not.
"""

import os
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

EVERY = 5.0  # seconds between two questions
TIMEOUT = 60.0
COMMAND = ("squeue", "--noheader", "--array", "--format=%i|%T", f"--user={os.getuid()}")
HELD_UP = frozenset({"PENDING", "SUSPENDED", "CONFIGURING", "STOPPED"})  # no fault of the job


@dataclass(frozen=True)
class Shown:
    """States by the numbers of jobs, as asked for at a time of the caller's clock."""

    asked: float
    states: dict[str, str]


class Squeue:
    def __init__(
        self, *, every: float = EVERY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.every, self.clock = every, clock
        self._asking: threading.Thread | None = None
        self._asked = -every
        self._answer: Shown | None = None

    def newest(self) -> Shown | None:
        """An answer that has come since this was called last; None where there is none."""
        answer, self._answer = self._answer, None
        idle = self._asking is None or not self._asking.is_alive()
        if idle and self.clock() - self._asked >= self.every:
            self._asked = self.clock()
            self._asking = threading.Thread(target=self._ask, args=(self._asked,), daemon=True)
            self._asking.start()
        return answer

    def was_cancelled(self, number: str) -> bool:
        """Whether Slurm still knows a job that has gone from the queue as a cancelled one."""
        try:
            command = ["scontrol", "--oneliner", "show", "job", number]
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return "JobState=CANCELLED" in done.stdout

    def _ask(self, asked: float) -> None:
        try:
            done = subprocess.run(COMMAND, capture_output=True, text=True, timeout=TIMEOUT)
        except (OSError, subprocess.TimeoutExpired):
            return
        if done.returncode == 0:
            lines = (line.strip().partition("|") for line in done.stdout.splitlines())
            self._answer = Shown(asked, {number: state for number, _, state in lines})
