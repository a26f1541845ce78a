"""Two factors at a time: the mean loss at each level of one, a line a level of the other.

Design choices:
- where lines are parallel the factors add up; where they are not, they interact;
- averaged over the levels of all other factors, as the effects are;
- bars are one standard error over seeds of what is left once the level that all cells of a seed
  share is taken out, as pairing does (Cousineau 2005, with Morey's correction, 2008): errors of
  plain means would be those of the seeds, not of the comparison;
- a panel a pair of factors, at every scale.
"""

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lab.config.contrasts import at_scale, cells
from lab.config.sweep import SweepConfig
from lab.report.figures.panels import grid
from lab.report.figures.style import INK, MARKERS, PAGE, PALETTE, blank, literal, paper
from lab.report.judging.pairs import confirm_runs, paired
from lab.report.terms import header
from lab.stats.tuning import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS, MOST = 3, 9  # panels side by side, and in all


def interaction(question: SweepConfig, runs: pd.DataFrame) -> "Figure | None":
    """None without factors, and where no seed has ended in every cell."""
    scales = {scale: _losses(question, runs, scale) for scale in question.references}
    scales = {scale: losses for scale, losses in scales.items() if losses.size}
    if not question.factors or not scales:
        return None
    pairs = list(itertools.combinations(question.factors, 2))
    places = [(scale, *pair) for scale in scales for pair in pairs][:MOST]
    columns = min(COLUMNS, len(places))
    with paper():
        height = 0.3 + 2.4 * math.ceil(len(places) / columns)
        figure = blank(min(PAGE, 1.0 + 2.8 * columns), height)
        panels, left = grid(figure, len(places), columns=columns)
        for axes, (scale, along, other) in zip(panels, places, strict=True):
            _panel(axes, question, scales[scale], along, other)
            axes.set_title(scale or "")
        for axes in left:
            axes.set_ylabel(header(question.endpoint))
    return figure


def standard_errors(values: Array) -> Array:
    """Of each cell's mean, without what the cells of a seed share: (a, b, seeds) to (a, b).

    sd of y - mean over the seed's cells, times √(C/(C-1)) for C cells, by √n (Morey 2008); NaN for
    one seed.
    """
    first, second, seeds = values.shape
    if seeds < 2:
        return np.full((first, second), np.nan)
    many = first * second
    within = values - values.mean(axis=(0, 1))
    found: Array = within.std(axis=-1, ddof=1) * math.sqrt(many / (many - 1) / seeds)
    return found


def _losses(question: SweepConfig, runs: pd.DataFrame, scale: str | None) -> Array:
    """The endpoint by levels, an axis a factor, and by the seeds that all cells have finished."""
    if not question.factors:
        return np.empty(0)
    names = cells(question.factors).values()
    _, values = paired([confirm_runs(question, runs, at_scale(name, scale)) for name in names])
    return values.reshape(*map(len, question.factors.values()), -1)


def _panel(axes: "Axes", question: SweepConfig, losses: Array, along: str, other: str) -> None:
    factors = list(question.factors)
    joint = losses.mean(
        axis=tuple(place for place, name in enumerate(factors) if name not in (along, other))
    )
    mean, error = joint.mean(axis=-1), standard_errors(joint)
    levels, lines = list(question.factors[along]), list(question.factors[other])
    for number, level in enumerate(lines):
        colour = PALETTE[(number - 1) % len(PALETTE)] if number else INK
        shift = 0.06 * (number - (len(lines) - 1) / 2)
        axes.errorbar(
            np.arange(len(levels)) + shift, mean[:, number], yerr=error[:, number], lw=1.3,
            elinewidth=0.9, capsize=2.5, capthick=0.9, color=colour,
            ls="-" if number else (0, (3, 1.6)), marker=MARKERS[number % len(MARKERS)], ms=5,
            mec="white", mew=0.5, label=literal(level, most=24),
        )  # fmt: skip
    axes.set_xticks(range(len(levels)), [literal(level, most=14) for level in levels])
    axes.set_xlim(-0.35, len(levels) - 0.65)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel(literal(along))
    axes.legend(title=literal(other), alignment="left", title_fontsize=7.5, fontsize=7.5)
