"""Prepared tokens by way of Ray's object store: put there once, laid out once a node.

Design choices:
- they go in pieces, so that a small store can move some of them to its disk;
- a node looks into its own cache first: one that has the same tokens is sent nothing. The same
  ids of a text that has another name there are others: a result tells where its text came from.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lab.data.store import build, open_prepared
from lab.errors import DataError
from lab.files import cache_folder, read_json

PIECE = 64 * 2**20  # bytes
META = "meta.json"


@dataclass(frozen=True)
class Tokens:
    """A folder of tokens: of each file what stands for its pieces elsewhere."""

    name: str
    seal: str
    files: Mapping[str, Sequence[Any]]


def hand_in(folder: Path, put: Callable[[Any], Any]) -> Tokens:
    """Have each piece `put` where nodes can get it."""
    files = {file.name: [put(piece) for piece in _pieces(file)] for file in _files(folder)}
    return Tokens(folder.name, str(_seal(folder)), files)


def at_hand(tokens: Tokens, get: Callable[[Any], Any]) -> tuple[Path, bool]:
    """Where this node has the tokens, and whether they were brought here just now.

    Raises `DataError` where what was brought is not whole.
    """
    mine, brought = cache_folder() / "tokens" / tokens.name, []
    here = mine if _seal(mine) == tokens.seal else mine.with_name(f"{mine.name}-{tokens.seal[:12]}")

    def fill(bench: Path) -> None:
        for name, pieces in tokens.files.items():
            with (bench / name).open("wb") as file:
                for piece in pieces:
                    file.write(get(piece).data)
        brought.append(bench)

    try:
        open_prepared(here)
    except DataError:  # absent or damaged
        build(here, fill)
        open_prepared(here)
    return here, bool(brought)


def _seal(folder: Path) -> str | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(read_json(folder / META)["seal"])
    return None


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.is_file())


def _pieces(file: Path) -> list[Any]:
    size = file.stat().st_size
    opened = partial(np.memmap, file, dtype=np.uint8, mode="r")
    return [
        np.asarray(opened(offset=at, shape=(min(PIECE, size - at),)))
        for at in range(0, size, PIECE)
    ]
