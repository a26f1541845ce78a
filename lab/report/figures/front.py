"""The Pareto front: what of one objective costs how much of another."""

import itertools
import math
from typing import TYPE_CHECKING

from lab.config.sweep import SweepConfig
from lab.report.figures.axes import MANY, metric_axis
from lab.report.figures.style import FAINT, PAGE, PALETTE, blank, legend, paper
from lab.report.searches.found import front as front_of
from lab.report.searches.found import ranked
from lab.report.searches.search import Search, Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ON, OFF = "on the front", "other trials"
NUMBERED, MOST = 12, 4  # trials that are numbered; objectives that are shown in pairs


def front(question: SweepConfig, search: Search) -> "Figure | None":
    """Two objectives: the front as a line; three or four: a panel a pair, without one."""
    n = len(search.objectives)
    if not 2 <= n <= MOST or len(search.complete) < 2:
        return None
    best = front_of(search)
    pairs = list(itertools.combinations(range(n), 2))
    columns = min(2, len(pairs))
    rows = math.ceil(len(pairs) / columns)
    with paper():
        figure = blank(5.0 if len(pairs) == 1 else PAGE, 0.3 + 3.0 * rows)
        panels = figure.subplots(rows, columns, squeeze=False).flatten()
        for axes, pair in itertools.zip_longest(panels, pairs):
            if pair is None:
                axes.remove()
                continue
            _panel(axes, search, best, *pair)
        legend(figure, panels[0], order=[ON, OFF])
    return figure


def _panel(axes: "Axes", search: Search, best: list[Trial], i: int, j: int) -> None:
    """The objectives i, across, and j, upwards."""
    kept = {trial.key for trial in best}
    others = [trial for trial in ranked(search) if trial.key not in kept]
    for trials, color, size, label in ((others, FAINT, 3.6, OFF), (best, PALETTE[0], 5.2, ON)):
        xs, ys = _values(trials, i), _values(trials, j)
        axes.plot(
            xs, ys, ls="", marker="o", ms=size, color=color, mec="white", mew=0.5, label=label,
            alpha=0.55 if label == OFF else 1, rasterized=len(trials) > MANY, zorder=3,
        )  # fmt: skip
    for scale, index in ((axes.set_xscale, i), (axes.set_yscale, j)):
        if _is_wide(_values(search.complete, index)):
            scale("log")
    if len(search.objectives) == 2:
        line = sorted(zip(_values(best, i), _values(best, j), strict=True))
        steps = "steps-post" if search.objectives[i].sign > 0 else "steps-pre"
        axes.plot(*zip(*line, strict=True), drawstyle=steps, lw=1, color=PALETTE[0], zorder=2)
    if len(search.objectives) == 2 and len(best) <= NUMBERED:
        for trial, x, y in zip(best, _values(best, i), _values(best, j), strict=True):
            axes.annotate(str(trial.number), (x, y), (4, 4), textcoords="offset points", fontsize=7)
    metric_axis(axes.xaxis, search.objectives[i].metric)
    metric_axis(axes.yaxis, search.objectives[j].metric)
    axes.margins(0.07)


def _values(trials: list[Trial], objective: int) -> list[float]:
    return [trial.values[objective] for trial in trials if trial.values]


def _is_wide(values: list[float]) -> bool:
    """Whether a logarithmic axis shows more."""
    return min(values) > 0 and max(values) > 20 * min(values)
