"""Breaks a process at its k-th write below a folder, whoever writes, and whatever for.

Python tells an audit hook of every file that is opened, renamed or removed and of every folder that
is made: no write can be added to the lab that is not counted here.

Design choices:
- a process that was killed writes nothing more: once it broke, every further write of the same call
  breaks too, so that no `finally` tidies up what a kill would have left;
- 'before' is a kill just before a write; what a kill just after it leaves is what one before the
  next leaves, and the last is the end itself;
- 'torn' kills once the write is made, with half of what it brought: half of a new file, half of
  what was appended to an old one;
- 'no space' refuses every file and folder that would be made or grow from the k-th write on, but
  lets files be removed and renamed; 'read-only' refuses everything.
"""

import errno
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

How = Literal["before", "torn", "no space", "read-only"]
GROWS = ("open", "os.mkdir", "os.symlink")
EVENTS = (*GROWS, "os.rename", "os.remove", "os.rmdir", "os.link", "os.truncate")
DIR_FD = {"os.mkdir": 2, "os.remove": 1, "os.rmdir": 1}  # a folder that a name may be relative to
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
NAMES = re.compile(r"\w+-\d+-[0-9a-f]{8}|\.\w{8}$|\d+")  # of runs, temporary, and of steps
ERRORS = {"no space": errno.ENOSPC, "read-only": errno.EROFS}


class Killed(BaseException):
    """As no code expects it."""


@dataclass
class Faults:
    """Below `root`, at the write number `at`, counted from 0; None counts only.

    `exit_code` ends the process for good instead of raising. `writes` are those seen, in words.
    """

    root: Path
    at: int | None = None
    how: How = "before"
    exit_code: int | None = None
    writes: list[str] = field(default_factory=list)
    broke: bool = False
    _torn: tuple[Path, int] | None = None

    def meet(self, event: str, args: tuple[Any, ...]) -> None:
        if self._torn is not None:
            self._tear(*self._torn)
        path = self._path(event, args)
        if path is None or not _changes(event, path):
            return
        number = len(self.writes)
        self.writes.append(f"{event} /{path.relative_to(self.root)}")
        if self.at is None or number < self.at:
            return
        if self.how == "torn" and number == self.at and event == "open":
            self._torn = path, path.stat().st_size if path.exists() else 0
        elif self.how in ("before", "torn"):
            self._die()
        elif self.how == "read-only" or event in GROWS:
            self.broke = True
            number = ERRORS[self.how]
            raise OSError(number, os.strerror(number), str(path))

    def _tear(self, path: Path, before: int) -> None:
        self._torn = None
        if path.exists():
            os.truncate(path, before + max(0, path.stat().st_size - before) // 2)
        self._die()

    def _die(self) -> None:
        self.broke = True
        if self.exit_code is not None:
            os._exit(self.exit_code)
        raise Killed

    def _path(self, event: str, args: tuple[Any, ...]) -> Path | None:
        """What is written to, if it is below the root."""
        name = args[event == "os.symlink"]  # its first is where the link leads
        if not isinstance(name, str | os.PathLike):
            return None  # a file that is open already
        if event == "open" and not (args[2] or 0) & WRITES:
            return None
        beside = args[DIR_FD[event]] if event in DIR_FD else -1
        start = Path(f"/proc/self/fd/{beside}").readlink() if beside >= 0 else Path.cwd()
        path = Path(os.path.abspath(start / name))  # noqa: PTH100 - resolve() would follow a link
        return path if self.root in path.parents else None


def chosen(writes: Sequence[str], *, every: int) -> list[int]:
    """Numbers of writes at which to break: the first of each kind, whatever the run, the step and
    the temporary name, and every so many besides."""
    kinds: dict[str, int] = {}
    for number, write in enumerate(writes):
        kinds.setdefault(NAMES.sub("*", write), number)
    return sorted({*kinds.values(), *range(0, len(writes), every)})


def _changes(event: str, path: Path) -> bool:
    """Whether anything can come of it: a folder that is there is not made again."""
    there = os.path.lexists(path)
    return {"os.mkdir": not there, "os.remove": there}.get(event, True)


@contextmanager
def faults(found: Faults) -> Iterator[Faults]:
    """While the block runs."""
    global _active, _hooked
    if not _hooked:  # a hook cannot be taken away again
        sys.addaudithook(_hook)
        _hooked = True
    _active = found
    try:
        yield found
    finally:
        _active = None


@contextmanager
def unharmed() -> Iterator[None]:
    """What other processes do: nothing breaks, nothing is counted."""
    global _active
    before, _active = _active, None
    try:
        yield
    finally:
        _active = before


_active: Faults | None = None
_hooked = False


def _hook(event: str, args: tuple[Any, ...]) -> None:
    global _active
    found = _active
    if found is None or event not in EVENTS:
        return
    _active = None  # what this does itself is not counted
    try:
        found.meet(event, args)
    finally:
        _active = found
