"""A sweep's command seen from outside: its processes, and what its files tell of its runs.

Design choices:
- a session of its own holds all that the command began, whoever the parent is by now;
- the steps of a run are the last row of its `metrics.csv`: where it falls, steps are done again;
- a result is known by its file: another inode or time of change means another result.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

GRACE = 10  # seconds in which the other processes must be gone when their supervisor is
LOOK = 0.02


@dataclass
class Watch:
    """What is seen of the runs of a sweep through their files."""

    sweep: Path
    every: int  # steps between checkpoints
    steps: dict[str, int] = field(default_factory=dict)
    redone: list[int] = field(default_factory=list)
    results: dict[str, tuple[int, int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    _seen: dict[Path, tuple[int, int, int]] = field(default_factory=dict)

    def look(self) -> None:
        for file in self.sweep.glob("runs/*/metrics.csv"):
            if self._is_new(file):
                self._follow(file)
        for file in self.sweep.glob("runs/*/result.json"):
            if self._is_new(file):
                found, run = self._seen[file][:2], file.parent.name
                if self.results.setdefault(run, found) != found:
                    self.faults.append(f"{run} had a result, and got another one")
                    self.results[run] = found

    def _is_new(self, file: Path) -> bool:
        try:
            found = file.stat()
        except OSError:
            return False
        key = found.st_ino, found.st_mtime_ns, found.st_size
        return self._seen.get(file) != key and bool(self._seen.update({file: key}) or True)

    def _follow(self, file: Path) -> None:
        try:
            last = file.read_bytes().rpartition(b"\n")[0].rpartition(b"\n")[2].partition(b",")[0]
        except OSError:
            return
        step, run = int(last) if last.isdigit() else 0, file.parent.name
        if (before := self.steps.get(run, 0)) > step:
            self.redone.append(before - step)
            if before - step > self.every:
                self.faults.append(f"{run} was at step {before} and began again at {step}")
        self.steps[run] = step


class Sweep:
    """The command in a working directory, and the processes it is made of."""

    def __init__(self, folder: Path, asked: dict[str, Any], *, workers: int) -> None:
        folder.mkdir(parents=True)
        (folder / "chaos.yaml").write_text(yaml.safe_dump(asked, sort_keys=False))
        self.folder, self.workers = folder, workers
        self.watch = Watch(
            folder / "experiments" / "chaos", every=asked["base"]["train"]["checkpoint_every"]
        )
        self.terminal = folder / "terminal.txt"
        self.process: subprocess.Popen[bytes] | None = None
        self.session, self.n_started, self.started = 0, 0, 0.0
        self.faults: list[str] = []

    def start(self) -> None:
        command = [sys.executable, "-m", "lab.sweep", "chaos.yaml", "--workers", str(self.workers)]
        with self.terminal.open("ab") as terminal:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                stderr=terminal,
                start_new_session=True,
            )
        self.session, self.started = self.process.pid, time.monotonic()
        self.n_started += 1

    @property
    def code(self) -> int | None:
        """The exit code of a command that has ended."""
        return None if self.process is None else self.process.poll()

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def wait(self, condition: Callable[[], bool], *, seconds: float) -> bool:
        """Watch until a condition holds or the command has ended; whether it held in time."""
        deadline = time.monotonic() + seconds
        while not (held := condition()) and self.is_alive and time.monotonic() < deadline:
            self.watch.look()
            time.sleep(LOOK)
        self.watch.look()
        return held

    def bury(self) -> None:
        """After the command has ended: nothing of it may go on."""
        deadline = time.monotonic() + GRACE
        while (left := self._processes()) and time.monotonic() < deadline:
            self.watch.look()
            time.sleep(LOOK)
        for pid in left:
            self.faults.append(f"process {pid} outlived its supervisor: {_command(pid)[:90]}")
            send([pid], signal.SIGKILL)
        self.watch.look()

    def members(self, level: str) -> list[int]:
        """The processes of a level; of the workers each one that has opened its log."""
        there = self._processes()
        match level:
            case "worker":
                return [pid for pid in there if _log_of(pid) == "log.txt"]
            case "fork server":
                mark = "multiprocessing.forkserver"
                mine = [pid for pid in there if _stat(pid)[1] == str(self.session)]
                return [pid for pid in mine if mark in _command(pid)]
            case "supervisor":
                return [self.session] if self.is_alive else []
            case _:
                return there

    def _processes(self) -> list[int]:
        """All that live in the session which the command began."""
        pids = sorted(int(path.name) for path in Path("/proc").glob("[0-9]*"))
        return [
            pid for pid in pids if (found := _stat(pid))[3] == str(self.session) and found[0] != "Z"
        ]


def send(pids: Iterable[int], number: signal.Signals) -> int:
    """Returns how many processes there were still to be sent it."""
    met = 0
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            met += 1
    return met


def _stat(pid: int) -> list[str]:
    """State, parent, group and session of a process; empty strings where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:4]
    except OSError:
        return [""] * 4


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _log_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/fd/1").readlink().name
    except OSError:
        return ""
