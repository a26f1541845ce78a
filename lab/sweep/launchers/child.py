"""A job's work in a process of its own, started by whoever was placed on a node."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from lab.sweep.launchers.node import NODE

WORK = "lab.commands.carry_out"  # which imports torch, and knows nothing of launchers


class Child:
    """A process that carries out the orders of some run folders, one after the other.

    The kernel kills it when the thread that made it has ended: make it in one that stays.
    """

    def __init__(self, folders: Sequence[Path], *, environment: Mapping[str, str] | None = None):
        self.process = subprocess.Popen(
            [sys.executable, "-m", WORK, *map(str, folders)],
            env={**os.environ, NODE: str(os.getpid()), **(environment or {})},
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # it may begin others, which are killed with it
            preexec_fn=_deaf,
        )

    def poll(self) -> int | None:
        """Its exit code, below 0 minus the signal that killed it; None while it lives."""
        return self.process.poll()

    def wait(self, timeout: float | None = None) -> int | None:
        """As `poll`, at the latest after so many seconds."""
        with suppress(subprocess.TimeoutExpired):
            return self.process.wait(timeout)
        return None

    def stop(self) -> None:
        """Ask for a checkpoint and an end."""
        if self.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, with all that it has begun."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _deaf() -> None:
    """Slurm says by this signal that time is up, to all processes of a job on some clusters. It is
    for who began this one, and would end it."""
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
