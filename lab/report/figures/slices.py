"""What trials came to against each setting: a panel a setting, a strip a choice."""

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lab.config.space import Choices, Range, Scalar
from lab.config.sweep import SweepConfig
from lab.report.figures.axes import (
    Window,
    metric_axis,
    of_variant,
    range_axis,
    shown_values,
    strip_of,
    strips,
    window,
    words,
)
from lab.report.figures.marks import COMPLETE, GONE, PRUNED, colour, ring, scatter
from lab.report.figures.panels import by_scale, names_of
from lab.report.figures.style import FAINT, INK, PAGE, blank, legend, literal, paper
from lab.report.searches.found import ranked
from lab.report.searches.search import LOST, Search
from lab.report.terms import short_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS, MOST = 3, 12  # panels side by side, settings in all


def slices(question: SweepConfig, search: Search) -> "Figure | None":
    """Of a comparison only what its figure of ranges leaves out."""
    settings = _shown_settings(question, search)
    if not settings or len(shown_values(search)) < 2:
        return None
    columns = min(COLUMNS, len(settings))
    rows = math.ceil(len(settings) / columns)
    blocks = [
        (index, scale, arms)
        for index in range(len(search.objectives))
        for scale, arms in by_scale(question).items()
        if shown_values(search, index, arms=arms)
    ]
    n = len(blocks)
    with paper():
        figure = blank(max(4.6, PAGE * columns / COLUMNS), 0.3 + 2.1 * rows * n)
        grid = figure.subplots(rows * n, columns, squeeze=False)
        for number, (index, scale, arms) in enumerate(blocks):
            objective, values = search.objectives[index], shown_values(search, index, arms=arms)
            block = grid[number * rows : (number + 1) * rows]
            shown = window(values, sign=objective.sign, marks=search.count(*LOST) > 0)
            block[0][0].set_title(literal(scale or ""))
            for axes, name in itertools.zip_longest(block.flatten(), settings):
                if name is None:
                    axes.remove()
                    continue
                _panel(axes, question, search, name, index, arms, shown)
            for place, axes in enumerate(block.flatten()[: len(settings)]):
                if place % columns:
                    axes.tick_params(labelleft=False)
                else:
                    metric_axis(axes.yaxis, objective.metric, lines=min(2, rows * n))
        order = names_of(question) if question.comparisons else [COMPLETE, PRUNED, GONE]
        legend(figure, grid[0][0], order=order)
    return figure


def _shown_settings(question: SweepConfig, search: Search) -> list[str]:
    """The most important first, where that is known; those that some trial had."""
    space = question.tune.space if question.tune else {}
    shares = next(iter(search.importance.values()), {}) if question.is_search else {}
    names = sorted(space, key=lambda name: -shares.get(name, 0.0))
    if not question.is_search:
        names = [name for name in space if not isinstance(space[name], Range)]
    return [n for n in names if any(n in trial.settings for trial in search.ended)][:MOST]


def _panel(
    axes: "Axes",
    question: SweepConfig,
    search: Search,
    name: str,
    objective: int,
    arms: Sequence[str],
    shown: Window,
) -> None:
    assert question.tune is not None
    entry = question.tune.space[name]
    values = strips(entry)
    for index, variant in enumerate(arms):
        lane = (index, len(arms))
        trials = [trial for trial in of_variant(search, variant) if name in trial.settings]
        places = [_place(entry, trial.settings[name], trial.number, lane) for trial in trials]
        scatter(axes, question, trials, places, shown, objective=objective)
        best = ranked(search, variant)[:1] if len(search.objectives) == 1 else []
        for trial in best:
            if trial in trials and trial.values:
                edge = colour(question, variant) if question.comparisons else INK
                ring(
                    axes,
                    _place(entry, trial.settings[name], trial.number, lane),
                    trial.values[0],
                    edge,
                )
    if values is None:
        assert isinstance(entry, Range)
        range_axis(axes, entry, narrow=True)
    else:
        if not question.comparisons:
            _middles(axes, values, name, search, objective)
        axes.set_xlim(-0.6, len(values) - 0.4)
        labels = words(values)
        crowded = sum(map(len, labels)) > 24
        axes.set_xticks(range(len(values)), labels)
        axes.grid(visible=False, axis="x")
        if crowded:
            axes.tick_params(axis="x", labelrotation=30)
            for label in axes.get_xticklabels():
                label.set_horizontalalignment("right")
                label.set_rotation_mode("anchor")
    shown.apply(axes)
    axes.set_xlabel(literal(short_names(question.tune.space)[name], most=34))


def _place(entry: Range | Choices, value: Scalar, number: int, lane: tuple[int, int]) -> float:
    """On its axis, or in its variant's lane of its strip: not quite in the middle, by the number
    of the trial, so that few marks lie on each other."""
    values = strips(entry)
    if values is None:
        assert isinstance(value, int | float)
        return float(value)
    beside = (number * 0.618034 + 0.5) % 1 - 0.5
    width, middle = 0.8 / lane[1], lane[0] - (lane[1] - 1) / 2
    return strip_of(values, value) + width * (middle + 0.6 * beside)


def _middles(axes: "Axes", values: list[Scalar], name: str, search: Search, objective: int) -> None:
    """A line at the median of each strip's trials that were carried to their end."""
    found: list[list[float]] = [[] for _ in values]
    for trial in search.complete:
        if name in trial.settings and trial.values:
            found[strip_of(values, trial.settings[name])].append(trial.values[objective])
    for place, strip in enumerate(found):
        if strip:
            middle = float(np.median(strip))
            axes.plot([place - 0.32, place + 0.32], [middle, middle], color=FAINT, lw=0.9, zorder=1)
