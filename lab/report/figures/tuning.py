"""Loss against each tuned range: a mark a trial.

Design choices:
- the chosen trial is ringed, and where there is one setting the fitted parabola is drawn, which
  says what tuning left on the table;
- what has no place in the panel is marked at its top, a row an arm: a cross is a trial without a
  finite loss, a bar one that was given up, a small triangle one too bad to fit in;
- a panel a setting; at several scales a row of panels a scale.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lab.config.space import Range
from lab.config.sweep import SweepConfig
from lab.report.figures.axes import range_axis
from lab.report.figures.panels import by_scale, grid, names_of
from lab.report.figures.style import PAGE, blank, legend, looks, paper
from lab.report.judging.tuned import numbers, trials_of, tuning_of
from lab.report.records import column
from lab.report.terms import header
from lab.stats.tuning import Array, Surface, scaled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STEP = 0.035  # of a panel's height, between the crosses of two arms
AXES = {
    "train.optimizer.lr": "Learning rate ({})",
    "train.optimizer.weight_decay": "Weight decay ({})",
    "model.dropout": "Dropout ({})",
}


def tuning(question: SweepConfig, runs: pd.DataFrame) -> "Figure | None":
    """None where no range was tuned, or no trial ended with a finite loss."""
    found = question.tune.space if question.tune else {}
    space = {name: entry for name, entry in found.items() if isinstance(entry, Range)}
    blocks = {
        scale: trials
        for scale, arms in by_scale(question).items()
        if (trials := _trials_of(question, runs, arms))
    }
    if not space or not blocks:
        return None
    places = [(scale, setting) for scale in blocks for setting in space]
    columns = min(2, len(places))
    rows = math.ceil(len(places) / columns)
    with paper():
        figure = blank(4.6 if columns == 1 else PAGE, 0.3 + 2.7 * rows)
        panels, left = grid(figure, len(places), columns=columns)
        for axes, (scale, setting) in zip(panels, places, strict=True):
            _panel(axes, question, runs, blocks[scale], setting, space[setting])
            axes.set_title(scale or "")
            axes.set_xlabel(AXES.get(setting, "{}").format(setting))
        for axes in left:
            axes.set_ylabel(header(question.tuning_metric))
        legend(figure, panels[0], order=names_of(question))
    return figure


def _trials_of(
    question: SweepConfig, runs: pd.DataFrame, arms: list[str]
) -> dict[str, pd.DataFrame]:
    """The trials of these arms that ended; none at all where no loss among them is finite."""
    found = {arm: trials_of(question, runs, arm) for arm in arms}
    any_finite = any(np.isfinite(trials["loss"]).any() for trials in found.values())
    return {arm: trials for arm, trials in found.items() if len(trials)} if any_finite else {}


def _panel(
    axes: "Axes",
    question: SweepConfig,
    runs: pd.DataFrame,
    trials: Mapping[str, pd.DataFrame],
    setting: str,
    span: Range,
) -> None:
    assert question.tune is not None
    losses = np.concatenate([numbers(rows, "loss") for rows in trials.values()])
    losses = losses[np.isfinite(losses)]
    top = min(losses.max(), losses.min() + 4 * (np.median(losses) - losses.min()))
    top = top if top > losses.min() else losses.max() + 1e-3
    far = any((rows["loss"] > top).any() for rows in trials.values())
    for lane, (arm, rows) in enumerate(trials.items()):
        tuned = tuning_of(question, runs, arm) if len(question.tune.space) == 1 else None
        look, x = looks(question)[arm], numbers(rows, column(setting))
        if tuned and tuned.surface:
            _fit(axes, tuned.surface, x, span, top, look)
        _marks(axes, rows, x, top, 0.98 - STEP * lane, look, question.variant_of(arm))
    low, room = losses.min() - 0.08 * (top - losses.min()), 0.05
    room += STEP * len(trials) if far else 0  # for what does not fit
    axes.set_ylim(low, low + (top - low) / (1 - room))
    range_axis(axes, span)


def _fit(
    axes: "Axes", surface: Surface, x: Array, span: Range, top: float, look: dict[str, Any]
) -> None:
    """The fitted curve, over the trials that it was fitted to."""
    places = scaled(x, low=span.low, high=span.high, log=span.log)[surface.used]
    u = np.linspace(places.min(), places.max(), 200)
    low, high = (math.log(span.low), math.log(span.high)) if span.log else (span.low, span.high)
    along: Array = low + u * (high - low)
    fitted = surface.predict(u[:, None])
    shown = fitted <= top
    across = np.exp(along) if span.log else along
    axes.plot(across[shown], fitted[shown], color=look["color"], lw=0.9, alpha=0.55)


def _marks(
    axes: "Axes",
    rows: pd.DataFrame,
    x: Array,
    top: float,
    height: float,
    look: dict[str, Any],
    name: str,
) -> None:
    """The trials of one arm; what is beyond `top` stands at `height`, a share of the panel's."""
    y, pruned = numbers(rows, "loss"), (rows["state"] == "pruned").to_numpy()
    inside, colour = y <= top, look["color"]
    axes.plot(
        x[inside], y[inside], ls="", marker=look["marker"], ms=4.5, mec="white", mew=0.5,
        color=colour, label=name, clip_on=False,
    )  # fmt: skip
    lost = ~np.isfinite(y) & ~pruned
    for far, marker in ((lost, "x"), (pruned, "|"), (np.isfinite(y) & ~inside, 6)):
        if far.any():
            axes.plot(
                x[far], np.full(far.sum(), height), ls="", marker=marker, ms=4.5, color=colour,
                transform=axes.get_xaxis_transform(),
            )  # fmt: skip
    if np.isfinite(y).any():
        best = int(np.argmin(y))
        axes.plot(x[best], y[best], ls="", marker="o", ms=10, mfc="none", mew=1, color=colour)
