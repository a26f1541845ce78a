"""What a loss costs: validation loss against training tokens, FLOPs and seconds.

Design choices:
- along each of the three, for what is equal in one is seldom equal in the others: a variant that
  is ahead by tokens may be behind by time;
- the horizontal distance of two lines is how many times as much one needs: costs are logarithmic;
- the mean over seeds; where a run's seconds are known only as a whole they are laid out evenly over
  its steps: those of training and evaluation, on the machine that trained it;
- at several scales a line a variant and scale, all in the same panels.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lab.config.sweep import SweepConfig
from lab.report.collect import Sweep
from lab.report.figures.axes import thousands
from lab.report.figures.panels import curves_of, drawn_in_order, fit_height, names_of
from lab.report.figures.style import (
    FLOOR,
    FLOOR_LOOK,
    INK,
    PAGE,
    blank,
    legend,
    literal,
    looks,
    paper,
)
from lab.report.judging.tuned import numbers
from lab.report.tables.finished import finished
from lab.report.tables.floors import best_possible
from lab.report.terms import header
from lab.stats.tuning import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COSTS = {"tokens": "Training tokens", "flops": "Training FLOPs", "seconds": "Seconds"}
DURATIONS = ((3600.0, "Hours"), (60.0, "Minutes"), (1.0, "Seconds"))


@dataclass(frozen=True)
class Line:
    """The mean loss of an arm, and what a run of it had cost by then, each of COSTS."""

    loss: Array
    costs: dict[str, Array]


def cost(sweep: Sweep) -> "Figure | None":
    """Of a comparison; None where no run of it has been evaluated during training."""
    question, runs = sweep.question, sweep.runs()
    lines = {arm: line for arm in question.arms if (line := _line(sweep, runs, arm))}
    if not question.comparisons or not lines:
        return None
    floor = best_possible(question, runs, question.tuning_metric)
    shown = [name for name in COSTS if all(name in line.costs for line in lines.values())]
    with paper():
        figure = blank(PAGE, 2.7)
        panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        for axes, name in zip(panels, shown, strict=True):
            size, text = _unit(name, max(line.costs[name][-1] for line in lines.values()))
            for arm in drawn_in_order(question, list(lines)):
                _draw(axes, question, arm, lines[arm].loss, lines[arm].costs[name] / size)
            if floor is not None:
                axes.axhline(floor, **FLOOR_LOOK)
            axes.set_xlabel(text)
            _axis(axes, named=bool(question.scales))
        losses = [float(x) for line in lines.values() for x in line.loss]
        fit_height(panels[0], losses if floor is None else [*losses, floor])
        panels[0].set_ylabel(header(question.tuning_metric))
        legend(figure, panels[0], order=[*names_of(question), FLOOR])
    return figure


def _line(sweep: Sweep, runs: pd.DataFrame, arm: str) -> Line | None:
    """From the first evaluation after the start on."""
    losses = curves_of(sweep, runs, arm)
    losses = losses[losses.index > 0]
    if losses.empty:
        return None
    tokens: Array = losses.index.to_numpy(dtype=np.float64)
    done, timing = finished(sweep.question, runs), sweep.timing()
    done = done[done["variant"] == arm]
    costs = {"tokens": tokens}
    flops = numbers(done, "flops_per_token")
    if np.isfinite(flops).all():
        costs["flops"] = tokens * float(flops.mean())
    timing = timing[timing["run"].isin(done["run"])]
    seconds = float((timing["train"] + timing["eval"]).mean())
    if seconds > 0:
        costs["seconds"] = tokens / float(numbers(done, "tokens").mean()) * seconds
    return Line(losses.mean(axis=1).to_numpy(), costs)


def _draw(axes: "Axes", question: SweepConfig, arm: str, loss: Array, spent: Array) -> None:
    look, name = looks(question)[arm], question.variant_of(arm)
    axes.plot(spent, loss, color=look["color"], ls=look["ls"], label=name)
    axes.plot(
        spent[-1], loss[-1], ls="", marker=look["marker"], ms=4.5, mec="white", mew=0.5,
        color=look["color"], zorder=4,
    )  # fmt: skip
    if question.scales and arm == question.reference_of(arm):
        axes.annotate(
            literal(str(question.scale_of(arm)), most=12), (spent[-1], loss[-1]), (5, 0),
            textcoords="offset points", va="center", fontsize=6.5, color=INK,
        )  # fmt: skip


def _unit(cost: str, most: float) -> tuple[float, str]:
    """What to divide by, and the axis's name with it."""
    if cost == "seconds":
        return next((u for u in DURATIONS if most >= 3 * u[0]), DURATIONS[-1])
    size, word = thousands(most)
    return size, f"{COSTS[cost]}{word}"


def _axis(axes: "Axes", *, named: bool) -> None:
    """Logarithmic, with ticks that do not run into each other, and room for names at the right."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    low, high = axes.get_xlim()
    if named:
        axes.set_xlim(low, high * (high / low) ** 0.15)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 50 * low else (1,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
