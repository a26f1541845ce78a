"""How a search went: what each trial came to, and the best so far, by trials and by tokens."""

import itertools
from typing import TYPE_CHECKING

from lab.config.sweep import SweepConfig
from lab.report.figures.axes import Window, metric_axis, of_variant, shown_values, thousands, window
from lab.report.figures.marks import COMPLETE, GONE, PRUNED, colour, ring, scatter
from lab.report.figures.panels import by_scale, names_of
from lab.report.figures.style import INK, PAGE, blank, legend, literal, looks, paper
from lab.report.searches.search import LOST, Search, Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BEST = "best so far"


def history(question: SweepConfig, search: Search) -> "Figure | None":
    """One objective only; nothing to show with fewer than two trials."""
    rows = {
        scale: values
        for scale, arms in by_scale(question).items()
        if len(values := shown_values(search, arms=arms)) > 1
    }
    if len(search.objectives) > 1 or not rows or not search.complete:
        return None
    spent = {name: _spent(of_variant(search, name)) for name in question.arms}
    most = max((tokens[-1] for tokens in spent.values() if tokens), default=0)
    scale, word = thousands(most)
    with paper():
        figure = blank(PAGE, 0.3 + 2.4 * len(rows))
        grid = figure.subplots(len(rows), 2 if most else 1, squeeze=False, sharey="row")
        for panels, (at, values) in zip(grid, rows.items(), strict=True):
            shown = window(values, sign=search.sign, marks=search.count(*LOST) > 0)
            for name in by_scale(question)[at]:
                trials = of_variant(search, name)
                numbers = [float(trial.number) for trial in trials]
                _panel(panels[0], question, search, trials, numbers, shown)
                if most:
                    places = [tokens / scale for tokens in spent[name]]
                    _panel(panels[1], question, search, trials, places, shown)
                    panels[1].set_xlabel(f"Training tokens spent{word}")
                    panels[1].set_xlim(left=0)
            panels[0].set_title(literal(at or ""))
            panels[0].set_xlabel("Trial")
            panels[0].xaxis.get_major_locator().set_params(integer=True)
            metric_axis(panels[0].yaxis, search.objectives[0].metric)
            shown.apply(panels[0])
        order = names_of(question) if question.comparisons else [BEST, COMPLETE, PRUNED, GONE]
        legend(figure, grid[0][0], order=order)
    return figure


def _panel(
    axes: "Axes",
    question: SweepConfig,
    search: Search,
    trials: list[Trial],
    places: list[float],
    shown: Window,
) -> None:
    scatter(axes, question, trials, places, shown)
    done = [(x, t) for x, t in zip(places, trials, strict=True) if t.is_complete]
    if not done:
        return
    costs = [search.sign * (t.value() or 0.0) for _, t in done]
    line = [search.sign * cost for cost in itertools.accumulate(costs, min)]
    xs = [x for x, _ in done]
    name = trials[0].variant
    look = looks(question)[name]["ls"] if question.comparisons else "-"
    color = colour(question, name) if question.comparisons else INK
    axes.plot(
        [*xs, max(places)], [*line, line[-1]], drawstyle="steps-post", lw=1.1, ls=look,
        color=color, label=None if question.comparisons else BEST, zorder=1.5,
    )  # fmt: skip
    best = costs.index(min(costs))
    ring(axes, xs[best], line[best], color)


def _spent(trials: list[Trial]) -> list[int]:
    """Tokens up to the end of each trial, as if they had been trained one after the other."""
    return list(itertools.accumulate(trial.tokens for trial in trials))
