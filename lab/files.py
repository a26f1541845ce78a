"""Files that are whole or absent: written beside, synced, renamed."""

import errno
import hashlib
import json
import math
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any

from lab.errors import NoSpace

JSON_LIMIT = 64 * 2**20  # bytes
JSON_DEPTH = 100  # levels; what the lab writes has a dozen
FULL = (errno.ENOSPC, errno.EDQUOT)
_is_synced = True
_NESTED = (dict, list, tuple)
RUST_FULL = tuple(f"(os error {number})" for number in FULL)  # as safetensors says it


def no_space(error: BaseException) -> bool:
    """Whether an error, or one that it was raised from, is a disk or a quota that is full."""
    return any(
        isinstance(found, NoSpace)
        or (isinstance(found, OSError) and found.errno in FULL)
        or str(found).endswith(RUST_FULL)
        for found in _chain(error)
    )


def disk_full(path: Path) -> NoSpace:
    """To be raised where something at or below `path` finds no room."""
    free = shutil.disk_usage(existing(path)).free
    return NoSpace(
        f"there is no room left for {path}, whose disk has {free / 1e6:,.1f} MB free; what was "
        "there is whole, and once there is room the same command continues"
    )


def existing(path: Path) -> Path:
    """The nearest folder or file that is there: `path` itself, or what it would lie in."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a link
    return next(found for found in (path, *path.parents) if found.exists())


def cache_folder() -> Path:
    """Where the lab keeps what it can make again: $LAB_CACHE, else ~/.cache/gpt-lab."""
    named = os.environ.get("LAB_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "gpt-lab"


@contextmanager
def not_synced() -> Iterator[None]:
    """What is written in the block may be lost with the power: for what is made again at no cost.

    It is of the whole process.
    """
    global _is_synced
    before, _is_synced = _is_synced, False
    try:
        yield
    finally:
        _is_synced = before


@contextmanager
def replacing(path: Path, *, listed: bool = True) -> Iterator[Path]:
    """A temporary path beside `path`, which takes its place when the block ends well.

    With `listed=False` its name is left to the next file of the folder to be brought onto the disk.
    """
    with _room_for(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    beside = Path(name)
    try:
        with _room_for(path):
            yield beside
            beside.chmod(0o644)
            sync(beside)
            beside.replace(path)
            if listed:
                sync(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def clear_leftovers(folder: Path) -> None:
    """Remove what killed writers left beside their files; no one may be writing there now."""
    for file in folder.glob(".*.????????"):
        if file.is_file():
            file.unlink()


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A hidden folder beside `path`, which takes its place when the block ends well.

    `path` may be an empty folder.
    """
    with hidden_folder(path) as hidden, _room_for(path):
        yield hidden
        sync(hidden)
        hidden.replace(path)
        sync(path.parent)


@contextmanager
def hidden_folder(path: Path) -> Iterator[Path]:
    """An empty folder beside `path`, to be filled and renamed; if it is not, it goes in the end.

    What a killed writer left under its name is cleared.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a link
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}.partial")
    if hidden.exists():
        shutil.rmtree(hidden)
    hidden.mkdir()
    try:
        yield hidden
    finally:
        if hidden.exists():
            shutil.rmtree(hidden)


def write_bytes(path: Path, content: bytes, *, listed: bool = True) -> None:
    with replacing(path, listed=listed) as beside:
        beside.write_bytes(content)


def write_text(path: Path, text: str, *, listed: bool = True) -> None:
    write_bytes(path, text.encode(), listed=listed)


def write_json(path: Path, value: Any) -> None:
    """Indented, keys in the order given, NaN refused."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """As `write_json` writes it."""
    return _indented(value, 1) + "\n"


def read_json(path: Path, *, limit: int = JSON_LIMIT) -> Any:
    """What `write_json` wrote; of anything else a ValueError (or an OSError), whatever it is.

    Refused are files of more than `limit` bytes, NaN, infinities, and what is nested more deeply
    than anything the lab writes.
    """
    text = read_bounded(path, limit=limit).decode("utf-8")
    try:
        value = json.loads(text, parse_constant=_finite, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    _check_depth(value)
    return value


def read_bounded(path: Path, *, limit: int) -> bytes:
    """The content of a file; a ValueError where it is none (a pipe would be waited for), or too
    large to be what is sought: more than `limit` bytes."""
    with open(path, "rb", opener=_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is no file")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"it has more than {limit:,} bytes")
    return content


def _indented(value: Any, level: int) -> str:
    """What `json.dumps(indent=1)` gives, several times as fast: Python encodes what is indented by
    itself, and leaves to C what is not."""
    if isinstance(value, str):
        return encode_basestring(value)
    if not isinstance(value, _NESTED) or not value:
        return _encoder(0).encode(value)
    line = "\n" + " " * level
    parts = value.values() if isinstance(value, dict) else value
    if not any(isinstance(part, _NESTED) for part in parts):
        flat = _encoder(level).encode(value)
        return f"{flat[0]}{line}{flat[1:-1]}{line[:-1]}{flat[-1]}"
    inner = [_indented(part, level + 1) for part in parts]
    if not isinstance(value, dict):
        return f"[{line}{f',{line}'.join(inner)}{line[:-1]}]"
    members = (f"{_key(key)}: {part}" for key, part in zip(value, inner, strict=True))
    return f"{{{line}{f',{line}'.join(members)}{line[:-1]}}}"


def _key(key: Any) -> str:
    """As JSON has it, where all keys are text."""
    if isinstance(key, str):
        return encode_basestring(key)
    return _encoder(0).encode({key: 0})[1:].removesuffix(": 0}")


@cache
def _encoder(level: int) -> json.JSONEncoder:
    """Writes the members of one object or list, each on a line of its own from level 1 on."""
    between = ",\n" + " " * level if level else ", "
    return json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(between, ": "))


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text} is not a finite number")
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(JSON_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    if level:
        raise ValueError("it is nested too deeply")


def sha256_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Bring what was written to a file, or to a folder's list of names, onto the disk."""
    if not _is_synced:
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _room_for(path: Path) -> Iterator[None]:
    """Name what did not fit: an error of a write knows its file's number only."""
    try:
        yield
    except NoSpace:
        raise
    except Exception as error:
        if no_space(error):
            raise disk_full(path) from error
        raise


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it was raised from or beside."""
    seen: list[BaseException] = []
    found: BaseException | None = error
    while found is not None and found not in seen:
        seen.append(found)
        yield found
        found = found.__cause__ or found.__context__
