"""Prepared tokens on the way to other machines: by their name, once a node, never once a run.

    <sweep>/tokens/<name>/   the shelf: a folder of tokens for each that a run of the sweep reads

Design choices:
- a name stands for the content: it is the digest of all that the tokens were made of;
- on the shelf they take no room where links can be made to where they lie;
- a node that sees the supervisor's own folder reads that. Else it makes a copy in its cache: one
  process does, the others wait, and what is there is looked at by its hashes before it is believed.
"""

import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from lab.data.store import build, open_prepared
from lab.errors import DataError
from lab.files import cache_folder, read_json

META = "meta.json"
SHOWN = 12  # of the digits of a seal


def lay(folders: Iterable[Path], shelf: Path) -> None:
    """See to it that the shelf has these folders."""
    for folder in folders:
        target = shelf / folder.name
        if _seal(target) is None or _seal(target) != _seal(folder):
            build(target, partial(_copy, folder, by=_linked))


def at_hand(data: Path, shelf: Path) -> Path:
    """Where a node reads the tokens that the supervisor knows under the path `data`.

    Raises `DataError` where the shelf has them not whole.
    """
    there = shelf / data.name
    if (seal := _seal(data)) is not None and seal == _seal(there):
        return data
    here = cache_folder() / "tokens" / data.name
    if _seal(here) not in (None, _seal(there)):  # of the same text by another name
        here = here.with_name(f"{data.name}-{str(_seal(there))[:SHOWN]}")
    try:
        open_prepared(here)
    except DataError:  # absent or damaged
        build(here, partial(_copy, there, by=shutil.copyfile))
        open_prepared(here)
    return here


def _seal(folder: Path) -> str | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(read_json(folder / META)["seal"])
    return None


def _copy(source: Path, target: Path, *, by: Callable[[Path, Path], object]) -> None:
    for file in source.iterdir():
        if file.is_file():
            by(file, target / file.name)


def _linked(file: Path, target: Path) -> None:
    try:
        target.hardlink_to(file)
    except OSError:  # another disk
        shutil.copyfile(file, target)
