"""Loss by position in windows that go beyond those of training.

Design choices:
- of every variant the longest windows at which it has an answer; one whose positions end is drawn
  up to there and ends in a bar;
- positions are taken together a few at a time, none of them across the end of training's windows,
  and weighed by the tokens that were scored there;
- where some variants come apart beyond training, a second panel is only as high as the better half
  of them needs, and all of them up to there; at several scales there is a panel a scale instead.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from lab.config.sweep import SweepConfig
from lab.report.collect import Sweep
from lab.report.figures.panels import by_scale, drawn_in_order, grid
from lab.report.figures.style import (
    FAINT,
    FLOOR,
    FLOOR_LOOK,
    PAGE,
    blank,
    legend,
    literal,
    looks,
    paper,
)
from lab.report.tables.finished import finished, judged_split
from lab.report.tables.lengths import ends, trained_on
from lab.report.terms import header

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BINS = 32  # a line, at least, where there are so many positions
MOST = 16  # positions that are taken together
APART = 1.6  # times the height that the better half needs: from there on it has its own panel


def positions(sweep: Sweep) -> "Figure | None":
    """The mean over seeds, and a band from the lowest seed to the highest."""
    question, longest = sweep.question, max(sweep.question.base.evaluate.lengths, default=0)
    trained, width = trained_on(question), min(MOST, max(1, longest // BINS))
    lines, floors = {}, list[pd.DataFrame]()
    for name in question.arms:
        runs = finished(question, sweep.runs())
        found = [sweep.positions(run) for run in runs[runs["variant"] == name]["run"]]
        found = [rows for rows in found if len(rows)]
        if found:
            lines[name] = _line(found, trained[name], "loss", width)
            floors += [rows for rows in found if rows["length"].max() == longest]
    if not lines:
        return None
    floors = [rows for rows in floors if "floor" in rows]
    floor = _line(floors, max(trained.values()), "floor", width)
    with paper():
        parts = _parts(question, lines, floor, trained, longest)
        figure = blank(PAGE, 2.9 if len(parts) < 3 else 0.3 + 2.5 * math.ceil(len(parts) / 2))
        panels, left = grid(figure, len(parts), columns=min(2, len(parts)))
        for axes, part in zip(panels, parts, strict=True):
            shown = {name: line for name, line in lines.items() if name in part.arms}
            _draw(axes, sweep, shown, floor, longest)
            _mark_training(axes, sorted({trained[name] for name in shown}), longest)
            axes.set_title(part.title)
            axes.set_ylim(*part.height)
            axes.set_xlim(0, longest * 1.01)
            axes.set_xlabel("Position (tokens read)")
            axes.locator_params(axis="x", nbins=7, integer=True)
        for axes in left:
            axes.set_ylabel(header(f"{judged_split(question)}/loss"))
        labels = [_label(sweep, name, longest) for name in question.arms]
        legend(figure, panels[0], order=[*labels, FLOOR])
    return figure


class _Part(NamedTuple):
    """What a panel shows."""

    title: str
    arms: Collection[str]
    height: tuple[float, float]


def _parts(
    question: SweepConfig,
    lines: Mapping[str, pd.DataFrame],
    floor: pd.DataFrame,
    trained: Mapping[str, int],
    longest: int,
) -> list[_Part]:
    if question.scales:
        groups = {scale: {*arms} & {*lines} for scale, arms in by_scale(question).items()}
        return [
            _Part(literal(str(scale)), arms, _height([*(lines[arm] for arm in arms), floor]))
            for scale, arms in groups.items()
            if arms
        ]
    reaching = {name: line for name, line in lines.items() if ends(question, name, longest) is None}
    close = _better_half(reaching or lines)
    close += [line[line["position"] <= trained[name]] for name, line in lines.items()]
    whole, closer = _height([*lines.values(), floor]), _height([*close, floor])
    if whole[1] - whole[0] > APART * (closer[1] - closer[0]):
        titles = {"All variants": whole, "The better half, closer": closer}
        return [_Part(title, lines, height) for title, height in titles.items()]
    return [_Part("", lines, whole)]


def _line(found: Sequence[pd.DataFrame], trained: int, column: str, width: int) -> pd.DataFrame:
    """By `width` positions: `position`, and `mean`, `min` and `max` over runs of a column."""
    each = []
    for rows in found:
        rows = rows[rows["length"] == rows["length"].max()].dropna(subset=[column])
        place = rows["position"] - 1
        first = math.ceil(trained / width)  # no bin has positions on both sides
        number = np.where(place < trained, place // width, first + (place - trained) // width)
        weights = rows["tokens"].groupby(number).sum()
        each.append(
            pd.DataFrame(
                {
                    "position": (rows["position"] * rows["tokens"]).groupby(number).sum() / weights,
                    "value": (rows[column] * rows["tokens"]).groupby(number).sum() / weights,
                }
            )
        )
    if not each:
        return pd.DataFrame(columns=["position", "mean", "min", "max"], dtype="float64")
    grouped = pd.concat(each).groupby(level=0)
    line = grouped["value"].agg(["mean", "min", "max"])
    return line.assign(position=grouped["position"].mean())


def _better_half(lines: Mapping[str, pd.DataFrame]) -> list[pd.DataFrame]:
    """The lines that are lowest on average over their last quarter."""
    last = {name: float(line["mean"].iloc[-max(1, len(line) // 4) :].mean())
            for name, line in lines.items()}  # fmt: skip
    names = sorted(lines, key=lambda name: last[name])
    return [lines[name] for name in names[: math.ceil(len(names) / 2)]]


def _height(lines: Sequence[pd.DataFrame]) -> tuple[float, float]:
    """What these lines need, but for the first few positions, where little has been read yet."""
    parts = [line.iloc[min(2, len(line) - 1) :] for line in lines if len(line)]
    low = min(float(part["min"].min()) for part in parts)
    high = max(float(part["max"].max()) for part in parts)
    room = 0.06 * (high - low) or 1e-3
    return low - room, high + 2 * room


def _draw(
    axes: "Axes",
    sweep: Sweep,
    lines: Mapping[str, pd.DataFrame],
    floor: pd.DataFrame,
    longest: int,
) -> None:
    question, style = sweep.question, looks(sweep.question)
    if len(floor):
        axes.plot(floor["position"], floor["mean"], **FLOOR_LOOK)
    for name in drawn_in_order(question, list(lines)):
        line, look = lines[name], style[name]
        axes.fill_between(
            line["position"], line["min"], line["max"], color=look["color"], alpha=0.18, lw=0
        )
        label = _label(sweep, name, longest)
        axes.plot(line["position"], line["mean"], color=look["color"], ls=look["ls"], label=label)
        if (end := ends(question, name, longest)) is not None:
            last = line.iloc[-1]
            axes.plot([last["position"], end], [last["mean"]] * 2, color=look["color"],
                      marker="|", markevery=[-1], ms=11, mew=1.8, zorder=5)  # fmt: skip


def _label(sweep: Sweep, name: str, longest: int) -> str:
    end = ends(sweep.question, name, longest)
    variant = sweep.question.variant_of(name)
    return variant if end is None else f"{variant}: not defined beyond {end:,}"


def _mark_training(axes: "Axes", trained: Sequence[int], longest: int) -> None:
    for length in trained:
        if length > longest:
            continue
        axes.axvline(length, color=FAINT, lw=0.8, ls=(0, (1, 2)), zorder=1)
        axes.annotate(
            f"trained on {length:,}", (length, 1), (3, -2), xycoords=("data", "axes fraction"),
            textcoords="offset points", va="top", fontsize=7, color=FAINT,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6},
        )  # fmt: skip
