"""A CSV file that grows by a row a step and can be cut back to a step.

Design choices:
- a row is one unbuffered write: what a killed process leaves is whole rows and perhaps a torn last
  one, which the next start cuts off;
- columns stand in the order first seen; when a new one appears the file is replaced by a wider one,
  row included, at once;
- cutting back takes away the columns that no remaining row has: the file is byte for byte what it
  was at that step, so a run that was killed ends in the bytes of one that was not.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from lab.errors import LabError
from lab.files import write_bytes


class Table:
    """The first column is `step`; `columns` are those that stand from the beginning.

    Cells are given as they are to stand in the file, quoted where they need it.
    """

    def __init__(self, path: Path, *, columns: Sequence[str], last_step: int) -> None:
        self._path = path
        self._columns = list(columns)
        self.last_step = last_step

    @classmethod
    def new(cls, path: Path, *, columns: Sequence[str] = ()) -> Self:
        write_bytes(path, _header(columns))
        return cls(path, columns=columns, last_step=-1)

    @classmethod
    def resume(cls, path: Path, *, step: int, columns: Sequence[str] = ()) -> Self:
        """The table as it was after `step`; raises `LabError` where there is none."""
        try:
            content = path.read_bytes()
            found, rows = _as_it_was(content, step=step, columns=columns)
        except (OSError, ValueError) as error:
            raise LabError(
                f"{path} cannot be continued from step {step}: it is missing or damaged "
                f"({error}); delete the run's folder to train it again"
            ) from error
        cut = _header(found) + b"".join(rows)
        if cut != content:
            write_bytes(path, cut)
        return cls(path, columns=found, last_step=step_of(rows[-1]) if rows else -1)

    def append(self, step: int, cells: Mapping[str, str]) -> None:
        unseen = [column for column in cells if column not in self._columns]
        self._columns += unseen
        values = [str(step), *(cells.get(column, "") for column in self._columns)]
        row = (",".join(values) + "\n").encode(errors="replace")
        if unseen:
            self._widen(unseen, row)
        else:
            with self._path.open("r+b", buffering=0) as file:  # not "ab", which would make it anew
                file.seek(0, os.SEEK_END)
                if file.write(row) != len(row):
                    raise OSError(f"{self._path}: step {step} was written in part; disk full?")
        self.last_step = step

    def _widen(self, unseen: Sequence[str], row: bytes) -> None:
        for column in unseen:
            if column == "step" or any(mark in column for mark in ',"\r\n'):
                raise ValueError(f"{column!r} cannot name a column of {self._path.name}")
        _, *rows = records(self._path.read_bytes())
        rows = [_padded(row, len(self._columns)) for row in rows]
        write_bytes(self._path, _header(self._columns) + b"".join(rows) + row)


def as_it_was(path: Path, *, step: int, columns: Sequence[str] = ()) -> bytes:
    """The content of a table as it was after `step`; raises OSError or ValueError without one."""
    found, rows = _as_it_was(path.read_bytes(), step=step, columns=columns)
    return _header(found) + b"".join(rows)


def records(content: bytes) -> list[bytes]:
    """The whole records of a CSV file: a newline inside quotes ends none, a torn last is no one."""
    whole: list[bytes] = []
    record = b""
    for line in content.split(b"\n")[:-1]:
        record += line + b"\n"
        if record.count(b'"') % 2 == 0:
            whole.append(record)
            record = b""
    return whole


def step_of(record: bytes) -> int:
    return int(record.split(b",", 1)[0])


def _as_it_was(
    content: bytes, *, step: int, columns: Sequence[str]
) -> tuple[list[str], list[bytes]]:
    """The columns and rows that stood there after `step`."""
    header, *rows = records(content)
    found = header.decode().rstrip("\n").split(",")[1:]
    rows = [row for row in rows if step_of(row) <= step]
    if len(found) > len(columns):
        width = max((_width(row) for row in rows), default=0)
        found = found[: max(width, len(columns))]
        rows = [_padded(row, len(found)) for row in rows]
    return found, rows


def _header(columns: Sequence[str]) -> bytes:
    return (",".join(["step", *columns]) + "\n").encode()


def _width(row: bytes) -> int:
    """Columns up to the last that has a value; such rows have no quotes."""
    return row.rstrip(b",\n").count(b",")


def _padded(row: bytes, width: int) -> bytes:
    cells = row.rstrip(b",\n")
    return cells + b"," * (width - cells.count(b",")) + b"\n"
