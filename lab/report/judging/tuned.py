"""How each variant was tuned: which settings it chose, and what that choice may have cost.

Design choices:
- read from runs alone, so that it can be asked while the sweep runs;
- the chosen settings are those that the confirm runs used, and before there are any, those of
  the best trial;
- a trial that diverged or failed is a trial: it counts, as the worst; so does one that was given
  up early, for nobody knows where it would have ended;
- tau takes a number for every setting and every trial; where it cannot be estimated it is None,
  and nothing that depends on it is concluded;
- where the best possible loss is known, no settings gain more than the chosen trial loses over it:
  tau is at most that excess, taken at the upper end of its interval, for windows are few, and is
  the excess where there is no estimate; at other lengths than training's it says nothing.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lab.config.metric import length_of
from lab.config.space import Range, Scalar, Settings, is_active, ordered
from lab.config.sweep import SweepConfig
from lab.report.judging.edges import edges
from lab.report.records import column
from lab.report.terms import column as metric_column
from lab.stats.paired import NORMAL_95
from lab.stats.tuning import Array, Surface, fit_surface, scaled, sensitivity

OVER_FLOOR = ("val/loss", "val/excess")  # of these tau is in the unit of the excess
ENDED = ("complete", "diverged", "failed", "pruned")


@dataclass(frozen=True)
class Tuned:
    variant: str
    trials: int  # ended, however
    lost: int  # of these, diverged or failed
    pruned: int  # of these, given up early
    chosen: Mapping[str, Scalar]  # empty where no trial ended well
    edges: tuple[str, ...]  # the settings chosen at an edge of their range
    tau: float | None  # in the unit of the tuning metric; None where not estimable
    by_floor: bool  # whether tau is what is left above the floor, not an estimate
    sensitivity: float | None  # of one setting; Wortsman et al. 2023
    surface: Surface | None


def trials_of(question: SweepConfig, runs: pd.DataFrame, variant: str) -> pd.DataFrame:
    """The variant's tuning trials that ended, in order: the row of each one's first run, with the
    columns `state` and `loss`.

    The loss is the mean over the trial's seeds of what it is judged by, lower being better. It is
    infinite where a seed was lost, or was never trained because the trial was given up.
    """
    rows = runs[(runs["phase"] == "tune") & (runs["variant"] == variant)].copy()
    values = question.objectives[0].sign * numbers(rows, metric_column(question.tuning_metric))
    good = (rows["status"] == "complete").to_numpy() & np.isfinite(values)
    rows["loss"] = np.where(good, values, np.inf)
    rows["state"] = np.where((rows["status"] == "complete") & ~good, "diverged", rows["status"])
    seeds = question.tune.seeds if question.tune else 1
    if seeds > 1:
        rows = _one_a_trial(rows, seeds)
    return rows[rows["state"].isin(ENDED)]


def tuning_of(question: SweepConfig, runs: pd.DataFrame, variant: str) -> Tuned | None:
    """None where the question has no tuning, or the variant no trial that ended."""
    if question.tune is None:
        return None
    trials = trials_of(question, runs, variant)
    if trials.empty:
        return None
    losses, chosen = numbers(trials, "loss"), _chosen(question, runs, trials, variant)
    surface = tau = None
    if question.tune.is_numeric:
        surface = fit_surface(to_unit(question, trials), losses)
        if surface and chosen:
            tau = surface.tau(to_unit(question, pd.DataFrame([chosen]).rename(columns=column)))
    left = _left_above_floor(question, runs, variant, chosen)
    by_floor = left < (math.inf if tau is None else tau)
    return Tuned(
        variant=variant,
        trials=len(trials),
        lost=int(trials["state"].isin(("diverged", "failed")).sum()),
        pruned=int((trials["state"] == "pruned").sum()),
        chosen=chosen,
        edges=edges(question.tune.space, chosen),
        tau=left if by_floor else tau,
        by_floor=by_floor,
        sensitivity=_sensitivity(question, trials),
        surface=surface if chosen else None,
    )


def to_unit(question: SweepConfig, rows: pd.DataFrame) -> Array:
    """The tuned settings of some runs, scaled to their ranges: (runs, settings). Ranges only."""
    assert question.tune is not None
    return np.column_stack(
        [
            scaled(numbers(rows, column(name)), low=span.low, high=span.high, log=span.log)
            for name, span in question.tune.space.items()
            if isinstance(span, Range)
        ]
    )


def numbers(rows: pd.DataFrame, column: str) -> Array:
    """A column as floats, NaN where there is no number or no such column."""
    if column not in rows:
        return np.full(len(rows), np.nan)
    values: Any = pd.to_numeric(rows[column], errors="coerce")
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))


def settings_of(question: SweepConfig, row: Mapping[Any, Any]) -> Settings:
    """The settings in a row of runs, as plain values; {} where the row does not say them all."""
    space, found = question.tune.space if question.tune else {}, Settings()
    for name in ordered(space):
        if not is_active(space[name], found):
            continue
        value = row.get(column(name), math.nan)
        value = value.item() if isinstance(value, np.generic) else value
        if value is pd.NA or (isinstance(value, float) and math.isnan(value)):
            return {}
        found[name] = value
    return {name: found[name] for name in space if name in found}


def _one_a_trial(rows: pd.DataFrame, seeds: int) -> pd.DataFrame:
    """The first row of each trial; its loss is the mean if all seeds are there and went well."""
    if rows.empty:
        return rows
    grouped = rows.groupby("trial", sort=False, dropna=False)
    first = grouped.head(1).copy()
    sides = [side for _, side in grouped]
    first["state"] = [_state(list(side["state"]), seeds) for side in sides]
    first["loss"] = [float(side["loss"].mean()) for side in sides]
    first.loc[first["state"] != "complete", "loss"] = np.inf
    return first


def _state(states: list[str], seeds: int) -> str:
    """Of a trial, by its runs: one that breaks off breaks the trial, too few were given up."""
    worst = next((s for s in ("failed", "diverged", "running", "planned") if s in states), None)
    if worst:
        return worst
    return "complete" if states.count("complete") == seeds else "pruned"


def _chosen(
    question: SweepConfig, runs: pd.DataFrame, trials: pd.DataFrame, variant: str
) -> Settings:
    assert question.tune is not None
    confirmed = runs[(runs["phase"] == "confirm") & (runs["variant"] == variant)]
    best = trials[np.isfinite(trials["loss"])].sort_values("loss", kind="stable")
    for rows in (confirmed, best):
        if len(rows) and (settings := settings_of(question, rows.iloc[0].to_dict())):
            return settings
    return {}


def _left_above_floor(
    question: SweepConfig, runs: pd.DataFrame, variant: str, chosen: Settings
) -> float:
    """The upper end of the chosen trial's excess, a mean over its seeds; infinite where unknown."""
    if question.tuning_metric not in OVER_FLOOR or length_of(question.endpoint):
        return math.inf
    tried = runs[(runs["phase"] == "tune") & (runs["variant"] == variant)]
    at = [bool(chosen) and settings_of(question, row) == chosen for row in tried.to_dict("records")]
    excess, se = (numbers(tried[at], f"val/{name}") for name in ("excess", "excess_se"))
    if not np.isfinite(excess).any():
        return math.inf
    reach = NORMAL_95 * np.nanmean(se) if np.isfinite(se).any() else 0.0
    return max(0.0, float(np.nanmean(excess) + reach))


def _sensitivity(question: SweepConfig, trials: pd.DataFrame) -> float | None:
    """Where there is one setting, a range, and every trial was trained to its end."""
    assert question.tune is not None
    initial = numbers(trials, f"initial/{question.tuning_metric}")
    known = initial[np.isfinite(initial)]
    one = len(question.tune.space) == 1 and question.tune.is_numeric
    if not one or not len(known) or (trials["state"] == "pruned").any():
        return None
    settings, losses = to_unit(question, trials)[:, 0], numbers(trials, "loss")
    found = sensitivity(settings, losses, initial=float(np.median(known)))
    return found if np.isfinite(found) else None
