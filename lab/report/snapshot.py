"""A sweep as it is now: every file is read once, however many tables and figures ask for it.

Design choices:
- it is a `Sweep`, so that who draws or counts need not know which of the two they were given;
- what it hands out is shared: nobody changes it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import pandas as pd

from lab.report.collect import Sweep
from lab.report.judging.verdict import Verdict
from lab.report.records import Record
from lab.report.searches.search import Search

T = TypeVar("T")


@dataclass(frozen=True)
class Snapshot(Sweep):
    """A sweep that remembers what it has read."""

    _kept: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def records(self) -> list[Record]:
        return self._once("records", super().records)

    def runs(self) -> pd.DataFrame:
        return self._once("runs", super().runs)

    def timing(self) -> pd.DataFrame:
        return self._once("timing", super().timing)

    def curve(self, run: str) -> pd.DataFrame:
        return self._once(("curve", run), partial(super().curve, run))

    def verdicts(self) -> list[Verdict]:
        return self._once("verdicts", super().verdicts)

    def controls(self) -> list[Verdict]:
        return self._once("controls", super().controls)

    def surplus(self) -> list[Record]:
        return self._once("surplus", super().surplus)

    def search(self) -> Search | None:
        return self._once("search", super().search)

    def certificates(self) -> Mapping[str, Any]:
        return self._once("certificates", super().certificates)

    def _once(self, what: Any, read: Callable[[], T]) -> T:
        if what not in self._kept:
            self._kept[what] = read()
        found: T = self._kept[what]
        return found


def snapshot(sweep: Sweep) -> Snapshot:
    """The sweep as it is now; one that is a snapshot already stays the same."""
    if isinstance(sweep, Snapshot):
        return sweep
    return Snapshot(sweep.folder, sweep.question, sweep.plan)
