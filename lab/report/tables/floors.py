"""How far each variant stays from the best possible loss, which is known of a task.

Design choices:
- the floor is subtracted window by window, so what made a window hard is gone from the excess and
  its interval is far narrower than the loss's own (control variates);
- all seeds are judged on the same windows: the interval is over windows, that of one run, averaged;
  what seeds differ by is told beside it.
"""

from typing import Any

import numpy as np
import pandas as pd

from lab.config.sweep import SweepConfig
from lab.report.judging.tuned import numbers
from lab.report.tables.finished import finished, judged_split
from lab.report.tables.table import Show, Table, accuracy, decimals
from lab.report.terms import natural, split_of, unit
from lab.stats.paired import NORMAL_95, noise_floor


def floor(question: SweepConfig, runs: pd.DataFrame) -> Table | None:
    """A row a variant: loss, floor, excess with its interval, accuracy."""
    done, split = finished(question, runs), judged_split(question)
    rows = [_row(done[done["variant"] == name], split, name) for name in question.arms]
    frame = pd.DataFrame(rows)
    if frame["Excess"].isna().all():
        return None
    shows: dict[str, Show] = dict.fromkeys(frame.columns[1:-2], decimals(4))
    note = (
        f"In {unit('loss')}, on the {split_of(split)} split. The interval is one at 95 % over "
        "windows, of the excess window by window; it is that of one run, averaged over seeds, for "
        "all seeds are judged on the same windows. What is drawn by a seed shows in the SD."
    )
    frame = frame.dropna(axis="columns", how="all")
    return Table("floor", frame, shows | {"Accuracy": accuracy}, note)


def by_slice(question: SweepConfig, runs: pd.DataFrame) -> Table | None:
    """Accuracy in every named part of the scored tokens: a row a part, a column a variant."""
    done, begin = finished(question, runs), f"{judged_split(question)}/accuracy/"
    names = sorted((name for name in done.columns if name.startswith(begin)), key=natural)
    if not names:
        return None
    rows = [
        {"Slice": _part(name.removeprefix(begin))}
        | {v: _mean(done[done["variant"] == v], name) for v in question.arms}
        for name in names
    ]
    frame = pd.DataFrame(rows).dropna(how="all", subset=list(question.arms))
    if frame.empty:
        return None
    shows: dict[str, Show] = dict.fromkeys(question.arms, accuracy)
    return Table("by_slice", frame, shows, "The share of right answers, mean over seeds.")


def best_possible(question: SweepConfig, runs: pd.DataFrame, metric: str) -> float | None:
    """The floor of a loss, where it is known and the same for every run."""
    split, _, kind = metric.partition("/")
    values = numbers(runs, f"{split}/floor") if kind == "loss" else np.array([])
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) and np.allclose(values, values[0]) else None


def _row(side: pd.DataFrame, split: str, name: str) -> dict[str, Any]:
    excess = numbers(side, f"{split}/excess")
    excess = excess[np.isfinite(excess)]
    mean, reach = _mean(side, f"{split}/excess"), NORMAL_95 * _mean(side, f"{split}/excess_se")
    return {
        "Variant": name,
        "Loss": _mean(side, f"{split}/loss"),
        "Floor": _mean(side, f"{split}/floor"),
        "Excess": mean,
        "Interval from": mean - reach,
        "Interval to": mean + reach,
        "SD over seeds": noise_floor(excess),
        "Accuracy": _mean(side, f"{split}/accuracy"),
        "Seeds": len(excess),
    }


def _mean(side: pd.DataFrame, metric: str) -> float:
    values = numbers(side, metric)
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")


def _part(name: str) -> str:
    """`gap=5-8` as `gap 5–8`, `gap=1-1` as `gap 1`."""
    what, _, span = name.rpartition("=")
    low, dash, high = span.partition("-")
    return f"{what} {low if low == high else span.replace(dash or '-', '–')}".strip()
