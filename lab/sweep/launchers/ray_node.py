"""A job on a node of a Ray cluster: the actor that the supervisor talks to.

Design choices:
- the node shares no disk with the supervisor: the run's files lie in a folder of the node's own,
  and what changes there is told when it is asked for; that is removed once all is told;
- what was left by an actor that was killed goes when the next one begins here: a lock that the
  kernel frees says that nobody works there;
- the work is done in a child, begun by a thread that lives as long as it does: the kernel ends it
  with this process, whatever ends that;
- whoever asks for news waits here, not there: for what has changed, at most once a second.
"""

import fcntl
import os
import platform
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from lab.files import read_json, write_json
from lab.provenance.facts import CODE, facts
from lab.run_folder import CHECKPOINT, ORDER
from lab.sweep.launchers.child import Child
from lab.sweep.launchers.parcel import ANSWERS, Changes, Parcel, Watched, unpack
from lab.sweep.launchers.ray_tokens import Tokens, at_hand
from lab.sweep.worker import PROGRESS, VISIBLE

BEAT = 1.0  # seconds between two pieces of news
SLOW = 5.0  # and between two of what is of no hurry
PREFIX, LOCK = "lab-ray-", ".lock"


@dataclass(frozen=True)
class Begun:
    """That a job is under way: on which node, and which tokens had to be brought there; or why
    it cannot be."""

    node: str
    brought: tuple[str, ...] = ()
    fault: str | None = None


@dataclass(frozen=True)
class News:
    """What has changed in the folder of each run; with `code` the job has ended."""

    runs: Sequence[Changes]
    code: int | None = None


class Node:
    """Carries out the orders of some runs."""

    def __init__(self, get: Callable[[Any], Any] | None = None) -> None:
        self._get = get or _get
        self._over, self._stopping = threading.Event(), threading.Event()
        self._child: Child | None = None
        self._code = 1
        self._told = time.monotonic()

    def begin(
        self,
        runs: Mapping[str, Parcel],
        tokens: Sequence[Tokens],
        *,
        code: Mapping[str, Any],
        gpus: bool,
    ) -> Begun:
        """Lay out runs by name and begin to carry them out. `code` are the versions that the
        supervisor has. Raises OSError or `DataError`."""
        if fault := _another(code):
            return Begun(platform.node(), fault=fault)
        self._open_scratch()
        there = {each.name: at_hand(each, self._get) for each in tokens}
        places = {name: str(folder) for name, (folder, _) in there.items()}
        folders = [self._lay(name, parcel, places) for name, parcel in runs.items()]
        self._watched = [Watched(folder, self._package(folder)) for folder in folders]
        hidden = {} if gpus else {VISIBLE: ""}
        threading.Thread(target=self._work, args=(folders, hidden), daemon=True).start()
        brought = tuple(name for name, (_, was_brought) in there.items() if was_brought)
        return Begun(platform.node(), brought)

    def news(self) -> News:
        """What has changed since this was asked last, once there is some."""
        while not (is_over := self._over.wait(BEAT)) and not any(
            watched.changed() for watched in self._watched
        ):
            pass
        if not is_over and not self._is_time():
            return News([watched.news(lambda path: path == PROGRESS) for watched in self._watched])
        self._told = time.monotonic()
        found = [watched.news() for watched in self._watched]
        if not is_over:
            return News(found)
        self._close_scratch()
        return News(found, self._code)

    def stop(self) -> None:
        """Ask for a checkpoint and an end."""
        self._stopping.set()
        if child := self._child:
            child.stop()

    def kill(self) -> None:
        """End at once; what is there by then is told."""
        self._stopping.set()
        if child := self._child:
            child.kill()

    def _work(self, folders: Sequence[Path], environment: Mapping[str, str]) -> None:
        try:
            if self._stopping.is_set():
                self._code = 0
                return
            self._child = Child(folders, environment=environment)
            if self._stopping.is_set():  # it was asked between these lines
                self._child.stop()
            self._code = self._child.wait() or 0
        finally:
            self._over.set()

    def _is_time(self) -> bool:
        """Whether more is to be told than that the runs go on."""
        if time.monotonic() - self._told > SLOW:
            return True
        changed = (path for watched in self._watched for path in watched.changed())
        return any(path in ANSWERS or path.startswith(CHECKPOINT) for path in changed)

    def _lay(self, name: str, parcel: Parcel, tokens: Mapping[str, str]) -> Path:
        """The folder of a run, its order in the words of this node."""
        folder = self._scratch / "runs" / name
        unpack(parcel, folder)
        order = read_json(folder / ORDER)
        changed: dict[str, str] = {}
        if order["data"]:
            changed["data"] = tokens[Path(order["data"]).name]
        if order["package"]:
            changed["package"] = str(self._package(folder))
        write_json(folder / ORDER, order | changed)
        return folder

    def _package(self, folder: Path) -> Path:
        return self._scratch / "packages" / folder.name

    def _open_scratch(self) -> None:
        _clear_left_overs(Path(tempfile.gettempdir()))
        self._scratch = Path(tempfile.mkdtemp(prefix=PREFIX))
        unlocked = self._scratch / f"{LOCK}.new"
        self._lock = os.open(unlocked, os.O_CREAT | os.O_RDWR)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        unlocked.rename(self._scratch / LOCK)

    def _close_scratch(self) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)
        os.close(self._lock)


def _another(code: Mapping[str, Any]) -> str | None:
    """Why this node cannot take part: another lab or library would come to other numbers."""
    here = facts()
    for name, expected in code.items():
        if here[name] != expected:
            return (
                f"node {platform.node()} has {name} {here[name]}, and the supervisor has "
                f"{expected}; install the same lab and the same libraries on every node"
            )
    return None


def code_here() -> dict[str, Any]:
    """What must be the same everywhere."""
    return {name: facts()[name] for name in CODE}


def _clear_left_overs(folder: Path) -> None:
    for left in folder.glob(f"{PREFIX}*"):
        with suppress(OSError), (left / LOCK).open("r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)


def _get(reference: Any) -> Any:
    return import_module("ray").get(reference)
