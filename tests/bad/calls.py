"""A command line called in this very process, and what it must say where its input is bad."""

import ctypes
import io
import os
import re
import time
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from lab.cli import main

SHOWN = re.compile(
    r"Which is better\?|\d+ finished runs? .*|each run goes .*|certified: .*|\s+\d+/\d+ .*"
)
SECONDS = 5.0  # of this process's own time
CAPABILITIES = 0x20080522  # version 3 of Linux's interface
READ_ANYTHING = 1 << 1 | 1 << 2  # what spares root the permissions of files


@dataclass(frozen=True)
class Called:
    code: int
    out: str
    err: str


def call(*words: object, cwd: Path) -> Called:
    """`lab` with these words; a traceback is the test's failure, and so is slowness."""
    out, err, began = io.StringIO(), io.StringIO(), time.process_time()
    with chdir(cwd), redirect_stdout(out), redirect_stderr(err):
        code = main([str(word) for word in words])
    assert time.process_time() - began < SECONDS
    return Called(code, out.getvalue(), err.getvalue())


def refused(*words: object, cwd: Path) -> str:
    """What is said of bad input: one sentence, or a headline and a line a fault."""
    done = call(*words, cwd=cwd)
    assert done.code == 2, done
    lines = done.err.strip().splitlines()
    first, *faults = [line for line in lines if not SHOWN.fullmatch(line)]
    said = "\n".join([first, *faults])
    assert first
    assert not faults or first.endswith(f" has {len(faults)} errors:")
    assert "Traceback" not in said
    assert all(c.isprintable() or c == "\n" for c in said)
    return said


@contextmanager
def as_anyone() -> Iterator[None]:
    """Permissions hold, for root too, who would otherwise read and write what nobody may."""
    if os.geteuid() != 0:
        yield
        return
    libc, header = ctypes.CDLL(None), (ctypes.c_uint32 * 2)(CAPABILITIES, 0)
    held = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; then the upper halves
    assert libc.capget(header, held) == 0
    before = held[0]
    held[0] = before & ~READ_ANYTHING
    assert libc.capset(header, held) == 0
    try:
        yield
    finally:
        held[0] = before
        assert libc.capset(header, held) == 0
