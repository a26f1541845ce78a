"""What goes wrong in a run: in words, kept beside it, and counted.

Design choices:
- an attempt fails by what it raised, by a death that nobody explains, or by a silence;
- `attempts.json` keeps every one with the last lines of its log, for people: nothing of it enters
  a result that is complete, nor a number of a report;
- they are counted since the run was last given up: whoever asks for it again grants it all its
  attempts anew, and a sweep that was interrupted goes on counting;
- a full disk is no fault of the run, and no attempt; nor is the loss of the machine that it was
  on, unless it is lost time and again and comes no further.
"""

import os
import re
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.errors import in_a_line, shortened
from lab.files import read_json, write_json

ATTEMPTS, FAILURE = "attempts.json", "failure.json"
NO_SPACE = 28  # the code that a worker ends with where it found a disk full
SERVER_DIED = 255  # what multiprocessing says of a worker whose fork server is gone
OUT_OF_MEMORY = "out of memory"
REMEDY = "take a smaller train.micro_batch_size or train.batch_size, or fewer --workers"
LOSSES = 10  # of a run that comes no further, before one of them is an attempt
QUOTED, TAIL = 20, 8192  # lines and bytes of a log
NOTHING_NEW = re.compile(r"\S+Z INFO ")  # a line of the log that tells of no trouble


@dataclass(frozen=True)
class Mishap:
    """How an attempt failed: `step` is the last it told of, `log` the last lines it left."""

    error: str
    step: int | None
    log: tuple[str, ...] = ()
    lost: bool = False  # by no doing of the run

    @property
    def in_words(self) -> str:
        """In one sentence, with what the log says of it where the error itself does not."""
        where = f" at step {self.step}" if self.step is not None else ""
        last = shortened(self.log[-1].strip()) if self.log else ""
        says_more = last and last not in self.error and not NOTHING_NEW.match(last)
        return f"{self.error}{where}" + (f"; log.txt ends with “{last}”" if says_more else "")


def raised(error: BaseException) -> str:
    """An exception on one line; one that memory ran out in says so first, and what helps."""
    text = in_a_line(error)
    return f"{OUT_OF_MEMORY}: {REMEDY} ({text})" if is_out_of_memory(error) else text


def is_out_of_memory(error: BaseException) -> bool:
    """As Python and numpy, CUDA, and torch's allocator on a CPU say it."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error)
    return isinstance(error, RuntimeError | OSError) and any(
        told in text
        for told in ("DefaultCPUAllocator", "can't allocate memory", "Cannot allocate memory")
    )


def ending(code: int | None, *, kernel_killed: bool = False) -> str:
    """How a process ended that left no word: by its exit code, or minus the signal."""
    if kernel_killed and code in (-signal.SIGKILL, SERVER_DIED):
        return f"{OUT_OF_MEMORY}: the system killed it; {REMEDY}"
    if code is None or code == 0:
        return "ended before it was done"
    if code == SERVER_DIED:
        return "ended with its fork server"
    if code > 0:
        return f"ended with code {code}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"


def oom_kills() -> int:
    """How many processes the kernel has killed for memory: of this control group where that is
    told, else on the whole machine; 0 where nobody counts."""
    with suppress(OSError, ValueError, StopIteration):
        groups = Path("/proc/self/cgroup").read_text().splitlines()
        group = next(line[3:] for line in groups if line.startswith("0::")).lstrip("/")
        return _counted(Path("/sys/fs/cgroup") / group / "memory.events")
    with suppress(OSError, ValueError, StopIteration):
        return _counted(Path("/proc/vmstat"))
    return 0


def last_lines(log: Path, *, since: int) -> tuple[str, ...]:
    """The last lines of a log after its first `since` bytes, empty ones left out."""
    with suppress(OSError), log.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        begin = max(since, end - TAIL)
        file.seek(begin)
        lines = file.read(TAIL).decode(errors="replace").splitlines()
        return tuple(line.rstrip() for line in lines if line.strip())[-QUOTED:]
    return ()


class Attempts:
    """The failed attempts of the run in a folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / ATTEMPTS

    @property
    def count(self) -> int:
        """How many there are since the run was last given up."""
        return _since_given_up(self._kept())

    def add(self, mishap: Mishap, *, allowed: int) -> int:
        """Keep one more; returns how many there are since the run was last given up.

        It is given up once there are `allowed`.
        """
        kept = self._kept()
        number = 1 + _since_given_up(kept)
        found = {"error": mishap.error, "step": mishap.step, "log": list(mishap.log)}
        last = {"given_up": True} if number >= allowed else {}
        write_json(self.path, [*kept, found | last])
        return number

    def add_loss(self, mishap: Mishap, *, stands: int) -> int:
        """Keep that the run was lost where it `stands`, its last checkpoint; returns how often in a
        row that happened there."""
        kept = self._kept()
        write_json(self.path, [*kept, {"error": mishap.error, "lost": True, "step": stands}])
        number = 1
        for attempt in reversed(kept):
            if attempt.get("given_up") or (attempt.get("lost") and attempt.get("step") != stands):
                break
            number += bool(attempt.get("lost"))
        return number

    def _kept(self) -> list[dict[str, Any]]:
        """A file that is damaged counts for nothing: it is evidence, and no more."""
        with suppress(OSError, ValueError):
            found = read_json(self.path)
            if isinstance(found, list) and all(isinstance(attempt, dict) for attempt in found):
                return found
        return []


def _since_given_up(kept: Iterable[dict[str, Any]]) -> int:
    number = 0
    for attempt in kept:
        if attempt.get("given_up"):
            number = 0
        elif not attempt.get("lost"):
            number += 1
    return number


def _counted(file: Path) -> int:
    lines = file.read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.split()[:1] == ["oom_kill"]))
