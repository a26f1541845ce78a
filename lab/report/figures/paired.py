"""How the paired differences came about: in validation loss, over training.

Design choices:
- runs of one seed read the same batches from the same initial values, so what they differ by is
  known far better than either loss: the band is of the difference, not of two curves;
- of the seeds that the verdict rests on, an interval of its kind and level, but pointwise and
  without what tuning may hide: it holds at any one place, not at all of them together;
- arms that were evaluated at different places have none in common, and no panel;
- a panel is as high as what comes after the first fifth of training needs: before it, differences
  are large and pass.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lab.config.confirm import ConfirmConfig
from lab.config.contrasts import Contrast
from lab.config.sweep import SweepConfig
from lab.report.collect import Sweep
from lab.report.figures.axes import thousands
from lab.report.figures.panels import colour_of, curves_of, fit_height, grid, label
from lab.report.figures.style import GRID, INK, PAGE, blank, literal, paper
from lab.report.judging.verdict import Verdict
from lab.report.terms import quantity, unit
from lab.stats.decision import reach
from lab.stats.tuning import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 6  # panels; the rest is in the tables
NARROW = 26  # characters, of a title where three panels stand side by side
EARLY = 0.2  # of training


def paired(sweep: Sweep) -> "Figure | None":
    """A panel a contrast that has a mean; None where no arms have two evaluations in common."""
    question, runs = sweep.question, sweep.runs()
    judged = {v.name: v for v in sweep.verdicts() if math.isfinite(v.difference)}
    lines = {arm: curves_of(sweep, runs, arm) for arm in question.arms}
    shown = [
        (contrast, verdict, differences)
        for contrast in question.contrasts
        if (verdict := judged.get(contrast.name))
        and (differences := _differences(lines, verdict)) is not None
    ][:MOST]
    if not shown:
        return None
    titles = [_title(question, contrast) for contrast, *_ in shown]
    columns = min(len(shown), 2 if len(shown) == 4 or max(map(len, titles)) > NARROW else 3)
    rows = math.ceil(len(shown) / columns)
    with paper():
        figure = blank(4.6 if columns == 1 else PAGE, 0.2 + 2.2 * rows)
        panels, left = grid(figure, len(shown), columns=columns)
        for axes, title, (contrast, verdict, differences) in zip(
            panels, titles, shown, strict=True
        ):
            _panel(axes, question, contrast, verdict, differences)
            axes.set_title(title)
        metric = question.tuning_metric
        for axes in left:
            axes.set_ylabel(f"Difference in {quantity(metric)},\n{unit(metric)}")
    return figure


def _title(question: SweepConfig, contrast: Contrast) -> str:
    scale = "" if contrast.scale is None else f" @ {contrast.scale}"
    return literal(label(question, contrast) + scale)


def _differences(lines: Mapping[str, pd.DataFrame], verdict: Verdict) -> pd.DataFrame | None:
    """The contrast by tokens (rows) and seed, where all of its arms were measured."""
    sides, seeds = [lines[arm] for arm in verdict.weights], list(verdict.seeds)
    tokens = sorted(set[float].intersection(*({*side.index} for side in sides)))
    if len(tokens) < 2 or not all({*seeds} <= {*side.columns} for side in sides):
        return None
    values = np.stack([side.loc[tokens, seeds].to_numpy() for side in sides], axis=-1)
    found = values @ np.array(list(verdict.weights.values()))
    return pd.DataFrame(found, index=tokens, columns=seeds)


def _panel(
    axes: "Axes",
    question: SweepConfig,
    contrast: Contrast,
    verdict: Verdict,
    differences: pd.DataFrame,
) -> None:
    assert question.confirm is not None
    margin, colour = question.confirm.margin, colour_of(question, contrast)
    last = float(differences.index.max())
    unit, word = thousands(last)
    tokens, mean = differences.index.to_numpy() / unit, differences.mean(axis=1).to_numpy()
    half = np.array([_half_width(question.confirm, verdict, row) for row in differences.to_numpy()])
    if margin is not None:
        axes.axhspan(-margin, margin, color=GRID, alpha=0.7, lw=0)
    axes.axhline(0, color=INK, lw=0.8)
    if np.isfinite(half).all():
        axes.fill_between(tokens, mean - half, mean + half, color=colour, alpha=0.2, lw=0)
    axes.plot(tokens, mean, color=colour)
    late, reached = tokens >= EARLY * tokens[-1], np.where(np.isfinite(half), half, 0)
    fit_height(axes, [0.0, *(mean - reached)[late], *(mean + reached)[late]])
    axes.set_xlabel(f"Training tokens{word}")
    axes.locator_params(axis="x", nbins=5)
    axes.locator_params(axis="y", nbins=6)


def _half_width(confirm: ConfirmConfig, verdict: Verdict, differences: Array) -> float:
    """As the verdict's interval has it, without tau; inf where there is none yet."""
    n, anytime = len(differences), confirm.test == "anytime"
    if not anytime and n < confirm.max_seeds:
        return math.inf
    return reach(differences, alpha=1 - verdict.level, anytime=anytime)(n)
