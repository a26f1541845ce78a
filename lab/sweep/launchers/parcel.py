"""Files on their way between the supervisor and a node that shares no disk with it.

Design choices:
- a parcel is plain data: what lies below a folder, by its path there;
- a node tells what has changed since it told last, and nothing twice: sizes, times and numbers of
  files decide, and a file that changes while it is read is told of again;
- checkpoints are read before the record of the run and written after it: what comes back from a
  node that is lost in between is a record that goes as far as its checkpoint, or further;
- an answer is written last, once all that it speaks of lies whole; only then is removed what an
  unfinished run needs.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.files import new_folder, write_bytes
from lab.package.standing import put_away
from lab.run_folder import CHECKPOINT, CONFIG, ORDER, REACHED, RESULT
from lab.sweep.attempts import ATTEMPTS, FAILURE
from lab.sweep.worker import PROGRESS

ANSWERS = (FAILURE, REACHED, RESULT)
OURS = (ORDER, CONFIG, ATTEMPTS)  # which the supervisor alone writes
IN_THE_MAKING = "progress.new"  # as a worker calls it


@dataclass(frozen=True)
class Link:
    """A symbolic link to what lies in the same parcel."""

    target: str


Content = bytes | Link | None  # of a file, a link, a folder
Parcel = Mapping[str, Content]
Sign = tuple[int | str, ...]


@dataclass(frozen=True)
class Changes:
    """What became of a run's folder: `gone` are paths that it had. `package` is that of a run that
    has its result, where it has one."""

    written: Parcel
    gone: tuple[str, ...] = ()
    package: Parcel | None = None


def pack(folder: Path) -> Parcel:
    """All that lies below a folder, but for what is hidden or in the making."""
    return _read(folder, _paths(folder))


def unpack(parcel: Parcel, folder: Path) -> None:
    """Lay out a parcel in a folder that nobody reads yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in sorted(parcel.items()):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            target.write_bytes(content)
        elif isinstance(content, Link):
            target.symlink_to(content.target)
        else:
            target.mkdir(exist_ok=True)


class Watched:
    """The folder of a run on a node, and what has been told of it: what lies there at first."""

    def __init__(self, folder: Path, package: Path | None) -> None:
        self.folder, self.package = folder, package
        self._told = self._signs()

    def changed(self) -> list[str]:
        """What is new, different or gone."""
        here = self._signs()
        return [path for path in here.keys() | self._told if here.get(path) != self._told.get(path)]

    def news(self, wanted: Callable[[str], bool] = lambda path: True) -> Changes:
        """What has changed of what is `wanted`; it counts as told."""
        here = self._signs()
        changed = [p for p in here if wanted(p) and here[p] != self._told.get(p)]
        gone = tuple(path for path in self._told if wanted(path) and path not in here)
        written = _read(self.folder, changed)
        self._told |= {path: here[path] for path in written}
        for path in gone:
            del self._told[path]
        package = self.package if RESULT in written else None
        return Changes(written, gone, pack(package) if package and package.is_dir() else None)

    def _signs(self) -> dict[str, Sign]:
        found: dict[str, Sign] = {}
        for path in _checkpoints_first(self.folder):
            with suppress(FileNotFoundError):
                found[path] = _sign(self.folder / path)
        return found


def deliver(changes: Changes, folder: Path, *, package: Path | None, digest: str) -> None:
    """Bring what happened to the run of this digest on a node into its real folder.

    Raises OSError or `LabError` where something cannot be written.
    """
    lasting = any(path in ANSWERS or _is_checkpoint(path) for path in changes.written)
    for path in sorted(changes.written.keys() - {*OURS}, key=_turn):
        if path == RESULT and changes.package is not None and package is not None:
            put_away(package, digest=digest)
            with new_folder(package) as beside:
                for name, content in changes.package.items():
                    _write(beside / name, content, lasting=True)
        _write(folder / path, changes.written[path], lasting=lasting and path != PROGRESS)
    for path in sorted(changes.gone, reverse=True):
        if path not in OURS:
            _remove(folder / path)


def _write(target: Path, content: Content, *, lasting: bool) -> None:
    """Whole or not at all; `lasting` on the disk, too, before anything that comes after it."""
    if content is None:
        target.mkdir(parents=True, exist_ok=True)
    elif isinstance(content, Link):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.symlink_to(content.target)
    elif lasting:
        write_bytes(target, content)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.delivery")
        beside.write_bytes(content)
        beside.replace(target)


def _remove(target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target, ignore_errors=True)
    else:
        target.unlink(missing_ok=True)


def _turn(path: str) -> tuple[bool, bool, bool, str]:
    """In the order of writing: the record, tensors, their JSON, answers."""
    return path in ANSWERS, _is_checkpoint(path), path.endswith(".json"), path


def _is_checkpoint(path: str) -> bool:
    return path.startswith(f"{CHECKPOINT}/")


def _paths(folder: Path) -> Iterator[str]:
    """All below a folder, but for what is hidden or in the making."""
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in (*folders, *files):
            if not name.startswith(".") and name != IN_THE_MAKING:
                yield (Path(root) / name).relative_to(folder).as_posix()


def _checkpoints_first(folder: Path) -> Iterator[str]:
    """One that is seen was written after the rows that it goes with, which are then seen, too."""
    yield from (f"{CHECKPOINT}/{path}" for path in _paths(folder / CHECKPOINT))
    yield from (path for path in _paths(folder) if not _is_checkpoint(path))


def _read(folder: Path, paths: Iterable[str]) -> Parcel:
    """The content of those that are still there."""
    found: dict[str, Content] = {}
    for path in paths:
        file = folder / path
        with suppress(FileNotFoundError):
            if file.is_symlink():
                found[path] = Link(os.readlink(file))  # noqa: PTH115 - as it was written
            else:
                found[path] = None if file.is_dir() else file.read_bytes()
    return found


def _sign(file: Path) -> Sign:
    if file.is_symlink():
        return (os.readlink(file),)  # noqa: PTH115
    found = file.stat()
    return ("folder",) if file.is_dir() else (found.st_ino, found.st_size, found.st_mtime_ns)
