"""Learning curves: validation loss against training tokens.

Design choices:
- the mean over seeds, and a band from the lowest seed to the highest;
- the whole of training, and its second half closer: that of the longest, where some arms may have
  ended before; a row of panels a scale;
- the reference is dashed, so that a variant equal to it can be seen; a diverged run is dotted and
  ends in a cross; the best possible loss, where it is known, is a grey line.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lab.report.collect import Sweep
from lab.report.figures.axes import thousands
from lab.report.figures.panels import (
    by_scale,
    curve,
    curves_of,
    drawn_in_order,
    fit_height,
    names_of,
)
from lab.report.figures.style import FLOOR, FLOOR_LOOK, PAGE, blank, legend, looks, paper
from lab.report.tables.floors import best_possible
from lab.report.terms import header

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def curves(sweep: Sweep) -> "Figure | None":
    """None where no run that counts has measured anything yet."""
    question, runs = sweep.question, sweep.runs()
    lines = {arm: curves_of(sweep, runs, arm) for arm in question.arms}
    rows = {
        scale: shown
        for scale, arms in by_scale(question).items()
        if (shown := {arm: lines[arm] for arm in arms if len(lines[arm])})
    }
    if not rows:
        return None
    with paper():
        figure = blank(PAGE, 2.7 if len(rows) == 1 else 0.4 + 2.2 * len(rows))
        grid = figure.subplots(len(rows), 2, squeeze=False)
        for panels, (scale, shown) in zip(grid, rows.items(), strict=True):
            _row(panels, sweep, runs, shown)
            before = "" if scale is None else f"{scale}: "
            for axes, title in zip(panels, ("all of training", "its second half"), strict=True):
                axes.set_title(before + title if before else title.capitalize())
        legend(figure, grid[0][0], order=[*names_of(question), FLOOR])
    return figure


def _row(
    panels: Sequence["Axes"], sweep: Sweep, runs: pd.DataFrame, shown: dict[str, pd.DataFrame]
) -> None:
    question, metric = sweep.question, sweep.question.tuning_metric
    mine = runs[runs["variant"].isin(shown)]
    floor = best_possible(question, mine, metric)
    last = max(float(line.index.max()) for line in shown.values())
    unit, word = thousands(last)
    style = looks(question)
    for axes in panels:
        for arm in drawn_in_order(question, list(shown)):
            _band(axes, shown[arm], question.variant_of(arm), style[arm], unit)
        _draw_lost(axes, sweep, mine, unit)
        if floor is not None:
            axes.axhline(floor, **FLOOR_LOOK)
        axes.set_xlabel(f"Training tokens{word}")
        axes.locator_params(axis="x", nbins=6)
    later = [line[line.index >= last / 2] for line in shown.values()]
    for axes, part in zip(panels, (list(shown.values()), later), strict=True):
        values = np.concatenate([line.to_numpy().ravel() for line in part])
        fit_height(axes, values if floor is None else [*values, floor])
    panels[1].set_xlim(last / 2 / unit, last / unit * 1.01)
    panels[0].set_ylabel(header(metric))


def _band(axes: "Axes", line: pd.DataFrame, name: str, look: dict[str, Any], unit: float) -> None:
    tokens = line.index.to_numpy() / unit
    low, high = line.min(axis=1), line.max(axis=1)
    axes.fill_between(tokens, low, high, color=look["color"], alpha=0.18, linewidth=0)
    axes.plot(tokens, line.mean(axis=1), color=look["color"], ls=look["ls"], label=name)


def _draw_lost(axes: "Axes", sweep: Sweep, runs: pd.DataFrame, unit: float) -> None:
    question, style = sweep.question, looks(sweep.question)
    phase = "confirm" if question.confirm else "run"
    lost = runs[(runs["phase"] == phase) & (runs["status"] == "diverged")]
    for run, arm in zip(lost["run"], lost["variant"], strict=True):
        line = curve(sweep, run, question.tuning_metric)
        if len(line):
            axes.plot(
                line.index / unit, line, color=style[arm]["color"], lw=0.9, ls=":", marker="x",
                ms=5, markevery=[-1],
            )  # fmt: skip
