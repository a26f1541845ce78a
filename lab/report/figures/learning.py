"""The learning curves of the trials, and the rungs at which some were given up."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from lab.config.pruners import rung_tokens
from lab.config.sweep import SweepConfig
from lab.report.figures.axes import MANY, metric_axis, thousands
from lab.report.figures.marks import COMPLETE, GONE, PRUNED
from lab.report.figures.parallel import shade
from lab.report.figures.style import FAINT, PAGE, PALETTE, blank, legend, paper
from lab.report.searches.found import ranked
from lab.report.searches.search import LOST, Search, Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curve = tuple[list[float], list[float]]  # tokens, objective
LABELS = ("the best", COMPLETE, PRUNED, GONE)


def learning(question: SweepConfig, search: Search, runs: pd.DataFrame) -> "Figure | None":
    """The first seed's run of each trial, by tokens; of a search."""
    assert question.tune is not None
    steps = _tokens_a_step(runs)
    lines = {t.key: line for t in search.ended if (line := _curve(t, steps))}
    if not question.is_search or len(lines) < 2:
        return None
    order = {trial.key: place for place, trial in enumerate(ranked(search))}
    last = max(xs[-1] for xs, _ in lines.values())
    rungs = rung_tokens(question.tune.pruner, question.base)
    scale, word = thousands(last)
    with paper():
        figure = blank(PAGE, 3.0)
        axes = figure.subplots()
        for tokens in rungs:
            axes.axvline(tokens / scale, color=FAINT, lw=0.6, ls=(0, (1, 2)), zorder=1)
        for trial in sorted(search.ended, key=lambda t: -order.get(t.key, len(order))):
            if trial.key in lines:
                xs, ys = lines[trial.key]
                place = order.get(trial.key)
                _draw(axes, trial, [x / scale for x in xs], ys, place, max(1, len(order) - 1))
        _fit(axes, lines, last, rungs, search)
        axes.set_xlim(0, last / scale * 1.02)
        axes.set_xlabel(f"Training tokens{word}")
        metric_axis(axes.yaxis, search.objectives[0].metric)
        legend(figure, axes, order=LABELS)
    return figure


def _draw(
    axes: "Axes", trial: Trial, xs: list[float], ys: list[float], place: int | None, most: int
) -> None:
    best, done, pruned, lost = LABELS
    if trial.state in LOST:
        axes.plot(xs, ys, color=FAINT, lw=0.9, ls=":", marker="x", ms=4.5, markevery=[-1],
                  label=lost, zorder=2)  # fmt: skip
    elif trial.state == "pruned" or place is None:
        axes.plot(xs, ys, color=FAINT, alpha=0.5, lw=0.8, marker="o", ms=3, mfc="white", mew=0.7,
                  markevery=[-1], label=pruned, zorder=2)  # fmt: skip
    elif place == 0:
        axes.plot(xs, ys, color=PALETTE[1], lw=1.8, label=best, zorder=4)
    else:
        color = shade(0.75 * place / most)
        axes.plot(xs, ys, color=color, lw=1, label=done, zorder=3, rasterized=most > MANY)


def _tokens_a_step(runs: pd.DataFrame) -> dict[str, float]:
    """Of each run that has taken a step."""
    known = runs[runs["step"].notna() & runs["tokens"].notna()]
    known = known[known["step"] > 0]
    rows = zip(known["run"], known["tokens"], known["step"], strict=True)
    return {str(run): float(tokens) / float(step) for run, tokens, step in rows}


def _curve(trial: Trial, steps: Mapping[str, float]) -> Curve | None:
    """None where fewer than two evaluations are known."""
    if not trial.runs or trial.runs[0] not in steps or len(trial.intermediate) < 2:
        return None
    known = sorted(trial.intermediate.items())
    each = steps[trial.runs[0]]
    return [step * each for step, _ in known], [value for _, value in known]


def _fit(
    axes: "Axes",
    lines: Mapping[tuple[str, int], Curve],
    last: float,
    rungs: list[int],
    search: Search,
) -> None:
    """The height that the curves need once they have come down from their start."""
    after = min([0.12 * last, *rungs])
    values = sorted(
        search.sign * y for xs, ys in lines.values() for x, y in zip(xs, ys, strict=True)
        if x >= after
    )  # fmt: skip
    if not values:
        return
    low, high = values[0], values[int(0.97 * (len(values) - 1))]
    room = 0.06 * (high - low) or 1e-3
    bounds = sorted((search.sign * (low - room), search.sign * (high + room)))
    axes.set_ylim(*bounds)
