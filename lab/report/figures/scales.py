"""How the losses, and the differences between them, go on with scale.

Design choices:
- at the left what each variant reaches, from the lowest seed to the highest, with the power law
  through it where there are four scales or more (see `lab.stats.scaling`), else straight lines;
- a law that does not fit is not drawn: marks are joined instead;
- at the right the verdicts' differences and intervals, one beside the other at each scale;
- where nothing bounds a difference yet its mark is hollow, on a broken line of the full height;
- what grows is on the axis: see `lab.report.extent`. Where nothing does, scales stand in order.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lab.config.contrasts import Contrast
from lab.config.sweep import SweepConfig
from lab.report.figures.axes import compact
from lab.report.figures.panels import colour_of, label, names_of
from lab.report.figures.style import GRID, INK, MARKERS, PAGE, blank, legend, literal, looks, paper
from lab.report.judging.pairs import confirm_runs, paired
from lab.report.judging.verdict import Verdict
from lab.report.tables.extent import Extent, extent, law_of, losses_of, misfit
from lab.report.terms import header, quantity, unit
from lab.stats.tuning import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ORDER = "Scale"
APART = 0.5  # of the distance of two scales: what stands side by side at one of them


def scales(
    question: SweepConfig, runs: pd.DataFrame, verdicts: Sequence[Verdict]
) -> "Figure | None":
    """None without scales, and where nothing has been confirmed at two of them."""
    if not question.scales or question.confirm is None:
        return None
    found = {arm: paired([confirm_runs(question, runs, arm)])[1][0] for arm in question.arms}
    found = {arm: losses for arm, losses in found.items() if len(losses)}
    if len({question.scale_of(arm) for arm in found}) < 2:
        return None
    size = extent(question, runs) or _in_order(question)
    reference = question.variant_of(question.reference)
    with paper():
        figure = blank(PAGE, 3.1)
        left, right = figure.subplots(1, 2)
        for variant in sorted(names_of(question), key=lambda name: name == reference):
            _losses(left, question, runs, variant, found, size)
        _differences(right, question, verdicts, size)
        for axes in (left, right):
            _axis(axes, question, size)
        left.set_ylabel(header(question.endpoint))
        metric = question.endpoint
        right.set_ylabel(f"Difference in {quantity(metric)},\n{unit(metric)}")
        legend(figure, left, order=names_of(question))
    return figure


def _in_order(question: SweepConfig) -> Extent:
    places = {scale: float(place) for place, scale in enumerate(question.references, start=1)}
    return Extent(ORDER, {arm: places[question.scale_of(arm)] for arm in question.arms})


def _losses(
    axes: "Axes",
    question: SweepConfig,
    runs: pd.DataFrame,
    variant: str,
    found: Mapping[str, Array],
    size: Extent,
) -> None:
    arms = [arm for arm in found if question.variant_of(arm) == variant]
    if not arms:
        return
    look = looks(question)[arms[0]]
    x = np.array([size.of[arm] for arm in arms])
    mean = np.array([found[arm].mean() for arm in arms])
    reach = [[m - found[arm].min() for m, arm in zip(mean, arms, strict=True)],
             [found[arm].max() - m for m, arm in zip(mean, arms, strict=True)]]  # fmt: skip
    axes.errorbar(
        x, mean, yerr=reach, ls="", marker=look["marker"], ms=5, mec="white", mew=0.5,
        elinewidth=0.9, color=look["color"], label=variant, zorder=3,
    )  # fmt: skip
    law = law_of(question, runs, variant, size) if size.name != ORDER else None
    if law and misfit(law, losses_of(question, runs, variant)[1]):
        law = None
    along = np.geomspace(x.min(), x.max(), 100) if law else x[np.argsort(x)]
    line = law.predict(along) if law else mean[np.argsort(x)]
    axes.plot(along, line, color=look["color"], ls=look["ls"], lw=1.2)


def _differences(
    axes: "Axes", question: SweepConfig, verdicts: Sequence[Verdict], size: Extent
) -> None:
    known = {contrast.name: contrast for contrast in question.contrasts}
    drawn = [(known[v.name], v) for v in verdicts if math.isfinite(v.difference)]
    names = list(dict.fromkeys(label(question, contrast) for contrast, _ in drawn))
    margin = question.confirm.margin if question.confirm else None
    if margin is not None:
        axes.axhspan(-margin, margin, color=GRID, alpha=0.7, lw=0)
    axes.axhline(0, color=INK, lw=0.8)
    step = APART * _distance(question, size) / max(1, len(names))
    for lane, name in enumerate(names):
        rows = [(c, v) for c, v in drawn if label(question, c) == name]
        x = np.array([size.of[question.references[c.scale]] for c, _ in rows])
        shift = step * (lane - (len(names) - 1) / 2)
        x = x + shift if size.name == ORDER else x * np.exp(shift)
        _lane(axes, question, rows, x, name, lane)
    if any(c.effect != "pair" or c.b != question.references[c.scale] for c, _ in drawn):
        axes.legend(fontsize=7)  # the other panel's names no such comparison


def _lane(
    axes: "Axes",
    question: SweepConfig,
    rows: Sequence[tuple[Contrast, Verdict]],
    x: Array,
    name: str,
    lane: int,
) -> None:
    """One comparison at every scale, from left to right."""
    contrast = rows[0][0]
    colour = colour_of(question, contrast, number=lane)
    known = looks(question).get(contrast.a)
    marker = known["marker"] if known else MARKERS[lane % len(MARKERS)]
    bar: dict[str, Any] = {"color": colour, "solid_capstyle": "butt"}
    for place, (_, v) in zip(x, rows, strict=True):
        if math.isfinite(v.low) and math.isfinite(v.high):
            tau = v.tau or 0.0
            axes.plot([place, place], [v.low, v.high], lw=0.9, **bar)
            axes.plot([place, place], [v.low + tau, v.high - tau], lw=2.6, alpha=0.75, **bar)
        else:
            axes.axvline(place, color=colour, ls="--", lw=0.8, alpha=0.4)
            axes.plot(place, v.difference, marker=marker, ms=5, mfc="white", mec=colour, zorder=4)
    axes.plot(
        x, [v.difference for _, v in rows], lw=0.8, marker=marker, ms=5, mec="white", mew=0.5,
        color=colour, label=literal(name, most=30), zorder=3,
    )  # fmt: skip


def _distance(question: SweepConfig, size: Extent) -> float:
    """The least between two scales, on the axis that is drawn."""
    places = np.sort([size.of[reference] for reference in question.references.values()])
    return float(np.diff(places if size.name == ORDER else np.log(places)).min())


def _axis(axes: "Axes", question: SweepConfig, size: Extent) -> None:
    from matplotlib.ticker import NullLocator

    ticks = {scale: size.of[arm] for scale, arm in question.references.items()}
    if size.name != ORDER:
        axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    named = [
        literal(str(scale), most=12) + ("" if size.name == ORDER else f"\n{compact(x)}")
        for scale, x in ticks.items()
    ]
    axes.set_xticks(list(ticks.values()), named)
    axes.set_xlabel(size.name)
    axes.margins(x=0.1)
