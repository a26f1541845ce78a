"""One process at a time in a folder; a second one is told who is there.

Design choices:
- the lock is the kernel's and goes with the process that has it: what the file says is only for
  telling, and one that a killed process left stands in nobody's way;
- two of one command side by side are a mistake of somebody's, so nobody waits by default; a worker
  does, for one before it that was killed may take a while to die.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

from lab.errors import SweepError
from lab.provenance.command import command

LOCK = ".lock"
LONGEST = 64 * 1024  # bytes of the word that is left
LOOK = 0.05  # seconds


@contextmanager
def held(folder: Path, *, patience: float = 0.0) -> Iterator[None]:
    """Hold a folder, which is made where there is none.

    Raises `SweepError` where another process still holds it after `patience` seconds, or nobody
    can.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    with path.open("a+b", buffering=0) as file:
        _lock(file, path, until=time.monotonic() + patience)
        with suppress(OSError):  # as of a full disk: nothing depends on this word
            file.truncate(0)
            file.write(json.dumps(_ourselves()).encode())
        yield


def _lock(file: FileIO, path: Path, *, until: float) -> None:
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                file.seek(0)
                who = _in_words(file.read(LONGEST) or b"")
                raise SweepError(
                    f"{path.parent} is held by {who}; wait for it, or stop it"
                ) from None
            time.sleep(LOOK)
        except OSError as error:  # some network file systems have none
            raise SweepError(
                f"{path} cannot be locked ({error.strerror}); work on a disk that has locks"
            ) from None


def _ourselves() -> dict[str, Any]:
    return {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "command": command(),
    }


def _in_words(content: bytes) -> str:
    """Who left this word; another lab, or a full disk, may have left one that says nothing."""
    try:
        found = json.loads(content)
        process, host = int(found["process"]), str(found["host"])
        return f"process {process} on {host} since {found['since']} ({found['command']})"
    except (ValueError, RecursionError, TypeError, KeyError):
        return "another process"
