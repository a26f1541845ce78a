"""The record of a run as three CSV files: the truth that every report reads.

    metrics.csv   step, then the metrics in the order first seen
    timing.csv    the same for the metrics `time/...`; names keep their prefix
    samples.csv   step,text

Design choices:
- no time stands in metrics.csv: the same run gives the same bytes, however often it was killed;
- an integer is written as one, a float in its shortest form that reads back equal, NaN and
  infinities as nan, inf and -inf, and what was not measured at a step as an empty cell;
- an error here is an error of the run: a result without its record is none.
"""

import csv
import hashlib
import io
from collections.abc import Mapping
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any

from lab.track.base import TIMING, RunInfo
from lab.track.table import Table, as_it_was, records

METRICS_FILE, TIMING_FILE, SAMPLES_FILE = "metrics.csv", "timing.csv", "samples.csv"


class CsvTracker:
    def __init__(self) -> None:
        self._tables: tuple[Table, Table, Table] | None = None

    def start(self, info: RunInfo, *, step: int) -> None:
        info.folder.mkdir(parents=True, exist_ok=True)
        table = Table.new if step == 0 else partial(Table.resume, step=step)
        self._tables = (
            table(info.folder / METRICS_FILE),
            table(info.folder / TIMING_FILE),
            table(info.folder / SAMPLES_FILE, columns=["text"]),
        )

    def log(self, metrics: Mapping[str, float], *, step: int) -> None:
        measured, timed, _ = self._started
        last = max(measured.last_step, timed.last_step)
        if step <= last:
            raise ValueError(f"step {step} was logged after step {last}; steps must grow")
        for table, cells in (
            (measured, {k: _cell(v) for k, v in metrics.items() if not k.startswith(TIMING)}),
            (timed, {k: _cell(v) for k, v in metrics.items() if k.startswith(TIMING)}),
        ):
            if cells:
                table.append(step, cells)

    def sample(self, text: str, *, step: int) -> None:
        self._started[2].append(step, {"text": '"' + text.replace('"', '""') + '"'})

    def summary(self, values: Mapping[str, Any]) -> None:
        """Kept elsewhere: a run's result.json has it."""

    def artifact(self, folder: Path) -> None:
        """Kept elsewhere: the package is its own folder."""

    def finish(self, *, status: str) -> None:
        self._tables = None

    @property
    def _started(self) -> tuple[Table, Table, Table]:
        assert self._tables is not None, "start comes first"
        return self._tables


def witness(folder: Path, *, step: int) -> str:
    """A fingerprint of what the record of a run said at a step, times apart.

    Raises OSError or ValueError where one of its files is missing or damaged, as `start` would.
    """
    as_it_was(folder / TIMING_FILE, step=step)
    content = as_it_was(folder / METRICS_FILE, step=step)
    content += as_it_was(folder / SAMPLES_FILE, step=step, columns=["text"])
    return hashlib.sha256(content).hexdigest()


def read_rows(folder: Path, *, until: int) -> list[tuple[int, dict[str, float]]]:
    """What was logged up to and with step `until`, times too; none where the files are not."""
    found: dict[int, dict[str, float]] = {}
    for path in (folder / METRICS_FILE, folder / TIMING_FILE):
        content = as_it_was(path, step=until).decode() if path.is_file() else ""
        for row in csv.DictReader(content.splitlines()):
            metrics = found.setdefault(int(row.pop("step")), {})
            metrics |= {name: _value(cell) for name, cell in row.items() if cell}
    return [(step, found[step]) for step in sorted(found)]


def read_samples(folder: Path, *, until: int) -> list[tuple[int, str]]:
    """The samples of a run up to and with step `until`; none where the file is not there."""
    path = folder / SAMPLES_FILE
    if not path.is_file():
        return []
    whole = b"".join(records(path.read_bytes())).decode()
    _, *rows = csv.reader(io.StringIO(whole, newline=""))
    return [(int(step), text) for step, text in rows if int(step) <= until]


def _cell(value: float) -> str:
    return str(int(value)) if isinstance(value, Integral) else repr(float(value))


def _value(cell: str) -> float:
    """What `_cell` was given: a float has a point, an exponent or a name."""
    return int(cell) if cell.lstrip("-").isdigit() else float(cell)
