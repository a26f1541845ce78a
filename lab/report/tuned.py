"""How each variant was tuned: which settings it chose, and what that choice may have cost.

Design choices:
- the chosen settings are those that the confirm runs used, and before there are any, those of
  the best trial;
- a trial that diverged or failed is a trial: it counts, as the worst;
- where tau cannot be estimated it is None, and nothing that depends on it is concluded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lab.config.sweep import SweepConfig
from lab.stats.tuning import Array, Surface, at_edge, fit_surface, scaled, sensitivity

ENDED = ("complete", "diverged", "failed", "pruned")


@dataclass(frozen=True)
class Tuned:
    variant: str
    trials: int  # ended, however
    lost: int  # of these, without a finite loss
    chosen: Mapping[str, float]  # empty where no trial ended well
    edges: tuple[str, ...]  # the settings chosen at an edge of their range
    tau: float | None  # in the unit of the tuning metric; None where not estimable
    sensitivity: float | None  # of one setting; Wortsman et al. 2023
    surface: Surface | None


def trials_of(question: SweepConfig, runs: pd.DataFrame, variant: str) -> pd.DataFrame:
    """The variant's tuning runs that ended, in the order of the trials, with a column `loss`.

    The loss of a run that diverged or failed is infinite.
    """
    rows = runs[(runs["phase"] == "tune") & (runs["variant"] == variant)]
    rows = rows[rows["status"].isin(ENDED)].copy()
    metric = numbers(rows, question.tuning_metric)
    good = (rows["status"] == "complete").to_numpy() & np.isfinite(metric)
    rows["loss"] = np.where(good, metric, np.inf)
    return rows


def tuning_of(question: SweepConfig, runs: pd.DataFrame, variant: str) -> Tuned | None:
    """None where the question has no tuning, or the variant no trial that ended."""
    trials = trials_of(question, runs, variant)
    if question.tune is None or trials.empty:
        return None
    space = list(question.tune.space)
    losses = trials["loss"].to_numpy(dtype=np.float64)
    chosen = _chosen(question, runs, trials, variant)
    settings = to_unit(question, trials)
    surface, tau, edges = fit_surface(settings, losses), None, np.zeros(len(space), dtype=bool)
    if chosen:
        place = to_unit(question, pd.DataFrame([chosen]))
        edges = at_edge(place[0])
        tau = surface.tau(place) if surface else None
    return Tuned(
        variant=variant,
        trials=len(trials),
        lost=int(np.sum(~np.isfinite(losses))),
        chosen=chosen,
        edges=tuple(name for name, edge in zip(space, edges, strict=True) if edge),
        tau=tau,
        sensitivity=_sensitivity(question, trials, settings),
        surface=surface if chosen else None,
    )


def to_unit(question: SweepConfig, rows: pd.DataFrame) -> Array:
    """The tuned settings of some runs, scaled to their ranges: (runs, settings)."""
    assert question.tune is not None
    return np.column_stack(
        [
            scaled(numbers(rows, name), low=span.low, high=span.high, log=span.log)
            for name, span in question.tune.space.items()
        ]
    )


def numbers(rows: pd.DataFrame, column: str) -> Array:
    """A column as floats, NaN where there is no number or no such column."""
    if column not in rows:
        return np.full(len(rows), np.nan)
    values: Any = pd.to_numeric(rows[column], errors="coerce")
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))


def _chosen(
    question: SweepConfig, runs: pd.DataFrame, trials: pd.DataFrame, variant: str
) -> dict[str, float]:
    assert question.tune is not None
    confirmed = runs[(runs["phase"] == "confirm") & (runs["variant"] == variant)]
    best = trials[np.isfinite(trials["loss"])].sort_values("loss", kind="stable")
    for rows in (confirmed, best):
        if len(rows):
            row = {name: float(numbers(rows, name)[0]) for name in question.tune.space}
            if all(np.isfinite(value) for value in row.values()):
                return row
    return {}


def _sensitivity(question: SweepConfig, trials: pd.DataFrame, settings: Array) -> float | None:
    initial = numbers(trials, f"initial/{question.tuning_metric}")
    known = initial[np.isfinite(initial)]
    if settings.shape[1] != 1 or not len(known):
        return None
    found = sensitivity(
        settings[:, 0], trials["loss"].to_numpy(dtype=np.float64), initial=float(np.median(known))
    )
    return found if np.isfinite(found) else None
