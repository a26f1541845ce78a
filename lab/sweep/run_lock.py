"""One process at a time in a run's folder; the kernel lets go of it when a process dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.errors import SweepError

LOCK = ".lock"
PATIENCE = 30.0  # seconds: a process that was killed may take some to die


@contextmanager
def run_lock(folder: Path, *, patience: float = PATIENCE) -> Iterator[None]:
    """Hold a run's folder; a `SweepError` where another process still does after `patience`."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _acquire(handle, folder, until=time.monotonic() + patience)
        yield
    finally:
        os.close(handle)


def _acquire(handle: int, folder: Path, *, until: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= until:
                raise SweepError(
                    f"another process still works in {folder}; wait for it or stop it"
                ) from None
            time.sleep(0.05)
