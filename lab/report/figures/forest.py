"""A forest plot: every contrast's paired differences, their mean and its interval, on one axis.

Design choices:
- one shared axis, so that rows can be compared by eye; where one row reaches far further than
  another it is linear around 0 and logarithmic beyond, and its label says from where;
- the thick bar is what the seeds say, the thin ends what tuning may hide: a verdict goes by both;
- what a reader needs beside the marks stands in words: mean, interval, verdict;
- the SD over seeds of the reference is hatched: what one run against another would show by luck;
- the twin comes last and is grey, or red where it was decided, which ought not to be;
- where runs were lost there is no mean: dots for the seeds that ended on both sides, and for each
  other a cross at an edge, at the right (worse) where the variant's own run was lost;
- a row without numbers keeps its place and says why.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lab.config.sweep import SweepConfig
from lab.report.figures.panels import colour_of, label
from lab.report.figures.style import FAINT, GRID, INK, PAGE, RED, blank, legend, literal, paper
from lab.report.judging.pairs import LOST, confirm_runs
from lab.report.judging.tuned import numbers
from lab.report.judging.verdict import Verdict
from lab.report.judging.wording import amount, plural
from lab.report.tables.twin import said
from lab.report.terms import quantity, unit
from lab.stats.paired import noise_floor
from lab.stats.tuning import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 0.40  # inches a row
FAR = 20  # times the reach of another row: from there on the axis is logarithmic
DOTS, BAR = 0.2, 0.16  # of a row, above its middle and below
WIDE = 80  # characters, of an axis's label in one line
WORDS = {"undefined": "not defined", "unmeasured": "not judged"}
MARGIN, NOISE = "margin", "SD over seeds of {}"


@dataclass(frozen=True)
class Row:
    """A contrast at its height; of a heading only the words."""

    y: float
    name: str
    scale: str | None
    verdict: Verdict | None = None
    colour: str = INK

    @property
    def is_drawn(self) -> bool:
        return self.verdict is not None and any(map(math.isfinite, self.verdict.differences))

    @property
    def reach(self) -> float:
        """How far from 0 its marks go."""
        v = self.verdict
        assert v is not None
        return max(abs(x) for x in (*v.differences, v.low, v.high) if math.isfinite(x))


def forest(
    question: SweepConfig,
    verdicts: Sequence[Verdict],
    controls: Sequence[Verdict],
    runs: pd.DataFrame,
) -> "Figure | None":
    """A row a contrast, by scale, the twins' last; None where no row has a number."""
    verdicts = [v for v in verdicts if v.name]  # a lone arm is compared with nothing
    rows = list(_rows(question, verdicts, controls))
    drawn = [row for row in rows if row.is_drawn]
    if not drawn:
        return None
    with paper():
        figure = blank(PAGE, 0.75 + HEIGHT * len(rows))
        axes = figure.subplots()
        margin = question.confirm.margin if question.confirm else None
        if margin is not None:
            axes.axvspan(-margin, margin, color=GRID, alpha=0.8, lw=0, label=MARGIN, zorder=0)
        noisy = NOISE.format(literal(question.variant_of(question.reference)))
        for scale in question.references:
            _draw_noise(axes, question, runs, scale, rows, noisy)
        axes.axvline(0, color=INK, lw=0.8, zorder=1.5)
        for row in drawn:
            _draw(axes, row)
            _draw_lost(axes, row, question, runs)
        _name(axes, rows)
        _fit(axes, question, drawn, margin)
        axes.set_ylim(rows[-1].y - 0.6, 0.6)
        legend(figure, axes, order=[MARGIN, noisy])
    return figure


def _rows(
    question: SweepConfig, verdicts: Sequence[Verdict], controls: Sequence[Verdict]
) -> Iterator[Row]:
    """From the top down, at the heights 0, -1 and so on."""
    known = {c.name: c for c in (*question.contrasts, *question.controls)}
    y = 0
    for scale in question.references:
        if scale is not None:
            yield Row(y, literal(scale), scale)
            y -= 1
        for verdict in (*verdicts, *controls):
            contrast = known[verdict.name]
            if contrast.scale != scale:
                continue
            colour = colour_of(question, contrast)
            if contrast.effect == "twin" and verdict.kind == "decided":
                colour = RED
            yield Row(y, literal(label(question, contrast)), scale, verdict, colour)
            y -= 1


def _draw_noise(
    axes: "Axes",
    question: SweepConfig,
    runs: pd.DataFrame,
    scale: str | None,
    rows: Sequence[Row],
    name: str,
) -> None:
    """Behind the rows of its scale."""
    side = confirm_runs(question, runs, question.references[scale])
    sd = noise_floor(numbers(side[side["status"] == "complete"], "endpoint"))
    heights = [row.y for row in rows if row.scale == scale]
    if math.isfinite(sd) and heights:
        axes.fill_betweenx(
            [min(heights) - 0.5, max(heights) + 0.5], -sd, sd, facecolor="none", edgecolor=FAINT,
            hatch="////", lw=0, alpha=0.35, label=name, zorder=0.5,
        )  # fmt: skip


def _draw(axes: "Axes", row: Row) -> None:
    v, colour = row.verdict, row.colour
    assert v is not None
    heights = row.y + DOTS + 0.22 * _beside(len(v.differences))
    axes.plot(
        v.differences, heights, ls="", marker="o", ms=3.6, mec="white",
        mew=0.4, color=colour, alpha=0.9, zorder=3,
    )  # fmt: skip
    if not math.isfinite(v.difference):
        return
    y = row.y - BAR
    if math.isfinite(v.low) and math.isfinite(v.high):
        tau = v.tau or 0.0
        bar: dict[str, Any] = {"color": colour, "solid_capstyle": "butt", "zorder": 2.5}
        axes.plot([v.low, v.high], [y, y], lw=0.9, marker="|", ms=4, mew=0.9, **bar)
        axes.plot([v.low + tau, v.high - tau], [y, y], lw=2.8, **bar)
    axes.plot(
        v.difference, y, ls="", marker="D", ms=5.2, color=colour, mec="white", mew=0.8, zorder=4
    )


def _draw_lost(axes: "Axes", row: Row, question: SweepConfig, runs: pd.DataFrame) -> None:
    """A cross a seed that has no difference, at the height of its dot."""
    v = row.verdict
    if v is None or v.kind != "unstable":
        return
    side = confirm_runs(question, runs, v.variant)
    own = {*side.loc[side["status"].isin(LOST), "seed"].astype(int)}
    heights = row.y + DOTS + 0.22 * _beside(len(v.differences))
    for seed, d, y in zip(v.seeds, v.differences, heights, strict=True):
        if math.isnan(d):
            axes.plot(
                float(seed in own), y, ls="", marker="x", ms=4, mew=1, color=row.colour,
                transform=axes.get_yaxis_transform(), clip_on=False, zorder=3,
            )  # fmt: skip


def _beside(n: int) -> Array:
    """Dots of like value side by side: n heights from -0.5 to 0.5."""
    return np.asarray((np.arange(n) * 0.618034 + 0.5) % 1 - 0.5, dtype=np.float64)


def _name(axes: "Axes", rows: Sequence[Row]) -> None:
    """At the left what is compared, at the right what came out."""
    for row in rows:
        if row.verdict is None:
            _write(axes, 0, (-8, 0), row.y - 0.15, row.name, weight="bold", ha="right")
            continue
        v = row.verdict
        alarm = row.colour if row.colour == RED else None
        _write(axes, 0, (-8, 5), row.y, row.name, color=alarm or INK, ha="right")
        seeds = plural(v.n, "seed") if v.n else ""
        _write(axes, 0, (-8, -5), row.y, seeds, color=FAINT, ha="right", size=7)
        word = said(v) if v.effect == "twin" and v.differences else WORDS.get(v.kind, v.kind)
        _write(axes, 1, (8, 5), row.y, _numbers(v), color=alarm or INK)
        _write(axes, 1, (8, -5), row.y, word, color=alarm or FAINT, size=7)


def _write(
    axes: "Axes", x: float, offset: tuple[float, float], y: float, text: str, **look: Any
) -> None:
    axes.annotate(
        text, (x, y), offset, xycoords=("axes fraction", "data"), textcoords="offset points",
        va="center", annotation_clip=False, **look,
    )  # fmt: skip


def _numbers(verdict: Verdict) -> str:
    if not verdict.differences or verdict.kind == "unstable":
        return "–"
    doubt = (verdict.high - verdict.low) / 2
    if not math.isfinite(doubt):
        return f"{amount(verdict.difference)} [no bounds yet]"
    low, mean, high = (
        amount(x, doubt=doubt) for x in (verdict.low, verdict.difference, verdict.high)
    )
    return f"{mean} [{low}, {high}]"


def _fit(axes: "Axes", question: SweepConfig, drawn: Sequence[Row], margin: float | None) -> None:
    """The axis that all rows share, and its label."""
    metric = drawn[0].verdict.metric if drawn[0].verdict else ""
    pairs = {row.verdict.reference for row in drawn if row.verdict}
    against = f" from {literal(pairs.pop())}" if len(pairs) == 1 and not question.factors else ""
    text = f"Difference in {quantity(metric)}{against}, {unit(metric)} (left of 0: better)"
    text = text if len(text) < WIDE else text.replace(", ", ",\n", 1)
    reaches = [r.reach for r in drawn if r.verdict and r.verdict.effect != "twin" and r.reach > 0]
    if reaches and max(reaches) > FAR * min(reaches):
        bound = float(f"{max(min(reaches), margin or 0.0):.1g}")
        axes.set_xscale("symlog", linthresh=bound)
        steps = [bound, *(10.0**k for k in range(-9, 9) if bound < 10.0**k <= max(reaches))]
        ticks = [-x for x in reversed(steps)] + [0.0, *steps]
        axes.set_xticks(ticks, [f"{x:g}".replace("-", "−") for x in ticks], minor=False)
        axes.set_xticks([], minor=True)
        text += f"\nlinear up to ±{bound:g}, logarithmic beyond"
    else:
        axes.locator_params(axis="x", nbins=7)
    axes.margins(x=0.04)
    axes.set_xlabel(text)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
