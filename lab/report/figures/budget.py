"""What fewer trials would have found: the expected best validation loss against their number.

Design choices:
- of the trials that were drawn without looking at others: those of a random or a quasi-random
  list, not those that were named beforehand or that refine around the best;
- exact for random draws, approximate for a quasi-random list, whose points are spread more evenly;
  none at all for a grid, for what a sampler has learned, and where trials were given up early;
- a panel an arm, all of one height, with the reference dashed in each;
- a band without an end inside its panel would only colour all of it, and is left out.

The estimator and its band are those of `lab.stats.budget`.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lab.config.samplers import QuasiRandom, UniformRandom
from lab.config.sweep import SweepConfig
from lab.report.figures.panels import fit_height, grid
from lab.report.figures.style import PAGE, blank, literal, looks, paper
from lab.report.judging.tuned import numbers, trials_of
from lab.report.tables.floors import best_possible
from lab.report.terms import quantity, unit
from lab.stats.budget import BudgetCurve, budget_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST, COLUMNS = 8, 4  # panels in all, and side by side
LEVEL = 0.95


def budget(question: SweepConfig, runs: pd.DataFrame) -> "Figure | None":
    """None where no two trials were drawn as this takes them to be."""
    if not has_budget(question):
        return None
    found = {arm: line for arm in question.arms if (line := _curve(question, runs, arm))}
    if not found:
        return None
    shown = list(found)[:MOST]
    rows = math.ceil(len(shown) / COLUMNS)
    columns = math.ceil(len(shown) / rows)
    with paper():
        figure = blank(PAGE if columns > 2 else 2.3 * columns + 0.6, 0.2 + 1.8 * rows)
        panels, left = grid(figure, len(shown), columns=columns, sharey=True)
        for axes, arm in zip(panels, shown, strict=True):
            reference = found.get(question.reference_of(arm))
            _panel(axes, question, arm, found[arm], reference)
        needed = [x for line in found.values() for x in (*line.expected, *line.low)]
        fit_height(panels[0], [x for x in needed if math.isfinite(x)])
        for axes, arm in zip(panels, shown, strict=True):
            _band(axes, found[arm], colour=looks(question)[arm]["color"])
        metric = question.tuning_metric
        for axes in left:
            axes.set_ylabel(f"Best {quantity(metric)},\n{unit(metric)}")
    return figure


def has_budget(question: SweepConfig) -> bool:
    """Whether trials are draws that did not look at one another, judged by one validation loss."""
    tune = question.tune
    return (
        tune is not None
        and isinstance(tune.sampler, QuasiRandom | UniformRandom)
        and tune.pruner is None
        and len(question.objectives) == 1
        and question.objectives[0].sign > 0
        and question.tuning_metric.startswith("val/")
    )


def _curve(question: SweepConfig, runs: pd.DataFrame, arm: str) -> BudgetCurve | None:
    """None while trials are under way, for those that end first are not like the rest."""
    assert question.tune is not None
    metric, first = question.tuning_metric, len(question.tune.enqueued)
    drawn = runs["trial"].between(first, first + question.tune.n_explore - 1)
    mine = runs[drawn & (runs["variant"] == arm) & (runs["phase"] == "tune")]
    trials = trials_of(question, mine, arm)
    under_way = mine["status"].isin(("running", "planned")).any()
    if len(trials) < 2 or under_way or (trials["state"] == "pruned").any():
        return None
    starts = numbers(mine, f"initial/{metric}")
    starts = starts[np.isfinite(starts)]
    floor = best_possible(question, runs, metric)
    return budget_curve(
        numbers(trials, "loss"),
        alpha=1 - LEVEL,
        initial=float(np.median(starts)) if len(starts) else math.inf,
        least=-math.inf if floor is None else floor,
    )


def _band(axes: "Axes", line: BudgetCurve, *, colour: str) -> None:
    """After the panel has its height, which a band does not change."""
    bottom, top = axes.get_ylim()
    ends = np.concatenate([line.low, line.high])
    if ((bottom < ends) & (ends < top)).any():
        low, high = np.nan_to_num(line.low, neginf=-1e9), np.nan_to_num(line.high, posinf=1e9)
        axes.fill_between(line.n, low, high, color=colour, alpha=0.12, lw=0)
        axes.set_ylim(bottom, top)


def _panel(
    axes: "Axes", question: SweepConfig, arm: str, line: BudgetCurve, reference: BudgetCurve | None
) -> None:
    look, style = looks(question)[arm], looks(question)[question.reference_of(arm)]
    if reference is not None:
        axes.plot(reference.n, reference.expected, color=style["color"], ls=style["ls"], lw=1)
    axes.plot(
        line.n, line.expected, color=look["color"], ls=look["ls"], marker="o", ms=3, mec="white",
        mew=0.4,
    )  # fmt: skip
    axes.set_title(literal(arm, most=22), fontsize=7)
    axes.set_xlabel("Trials")
    axes.locator_params(axis="x", nbins=6, integer=True)
    axes.set_xlim(line.n[0] - 0.2, line.n[-1] + 0.2)
