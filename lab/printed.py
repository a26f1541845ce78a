"""What a process prints, libraries included, kept in a file: the part of a log nobody composes.

Design choices:
- the file descriptors themselves are redirected, so that C code and a dying interpreter are heard;
- what finds no space on the disk goes nowhere: printing never raises;
- the same holds for what follows once the file has grown by `LIMIT`, looked at every `SECONDS`.
"""

import io
import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from lab.log import LIMIT

SECONDS = 1.0


def print_to(path: Path) -> None:
    """From now on standard output and error of this process are added to a file."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError:
        handle = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    sys.stdout, sys.stderr = _forgiving(1), _forgiving(2)
    threading.Thread(target=_silence, args=(os.fstat(1),), name="lab-printed", daemon=True).start()


class _Forgiving(io.FileIO):
    """A file that takes everything, whether or not there is space for it."""

    def write(self, content: Any) -> int:
        try:
            return super().write(content) or 0
        except OSError:
            return len(content)


def _forgiving(handle: int) -> TextIO:
    raw: Any = _Forgiving(handle, "w", closefd=False)
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", write_through=True)


def _silence(begun: os.stat_result) -> None:
    while (now := os.fstat(1)).st_ino == begun.st_ino:  # else it prints to another file by now
        if now.st_size >= begun.st_size + LIMIT:
            with suppress(OSError):
                os.write(2, b"\nhere is the limit of this log; no more output follows\n")
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            os.close(nowhere)
        time.sleep(SECONDS)
