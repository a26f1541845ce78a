"""A table that a program and a person can both read: raw values, and how each column is shown."""

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from lab.report.judging.wording import amount

Show = Callable[[Any], str]
NOTHING = "–"


@dataclass(frozen=True)
class Table:
    """`frame` has headers for people and plain values; `shows` turns the values of a column into
    text (default: as they are). `upright` tables are printed with a row a column of the frame;
    `prose` ones hold text rather than numbers; a reader may sort and filter `sortable` ones. By
    column: where `links` lead to, and `looks` that are not a number's."""

    name: str
    frame: pd.DataFrame
    shows: Mapping[str, Show] = field(default_factory=dict)
    note: str = ""
    upright: bool = False
    prose: bool = False
    sortable: bool = False
    links: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    looks: Mapping[str, Literal["word", "code"]] = field(default_factory=dict)

    def cells(self) -> list[list[str]]:
        """Header row first; the first cell of every row names it."""
        rows = [list(self.frame.columns)]
        for values in self.frame.itertuples(index=False):
            rows.append([self._shown(*pair) for pair in zip(rows[0], values, strict=True)])
        return [list(row) for row in zip(*rows, strict=True)] if self.upright else rows

    def csv(self) -> str:
        """Comma-separated raw values, floats as `repr` writes them; nothing for the unknown."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.frame.columns)
        for row in self.frame.itertuples(index=False):
            writer.writerow(["" if plain(value) is None else plain(value) for value in row])
        return text.getvalue()

    def plain(self) -> list[dict[str, Any]]:
        """For JSON: a mapping a row, None for what is not known."""
        return [
            {str(name): plain(value) for name, value in row.items()}
            for row in self.frame.to_dict("records")
        ]

    def _shown(self, header: str, value: Any) -> str:
        if plain(value) is None:
            return NOTHING
        return self.shows.get(header, str)(value)


def plain(value: Any) -> Any:
    """A value as JSON can hold it: numbers of Python, None for missing, NaN and infinite ones."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    if value is None or value is pd.NA:
        return None
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value


def whole(value: float) -> str:
    return f"{value:,.0f}"


def share(value: float) -> str:
    return f"{100 * value:.0f} %"


def accuracy(value: float) -> str:
    """`99.2 %`: the last tenth of a per cent is what tells good models apart."""
    return f"{100 * value:.1f} %"


def small_share(value: float) -> str:
    """`2.4 %`, `0.03 %`: two digits, however small."""
    return "0 %" if value == 0 else f"{float(f'{100 * value:.2g}'):g} %"


def decimals(places: int) -> Show:
    return lambda value: f"{value:.{places}f}".replace("-", "−")


def short(value: float) -> str:
    """Three significant digits, `1.9e+08` beyond a million."""
    return f"{value:.3g}".replace("-", "−")


def probability(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.2g}"


def megabytes(value: float) -> str:
    return f"{value / 1e6:,.0f} MB"


def seconds(value: float) -> str:
    return f"{value:,.1f} s" if value < 600 else f"{value / 60:,.1f} min"


def bound(value: float) -> str:
    return amount(value, doubt=0.01)
