"""How much each setting moved what the trials were judged by: a bar a setting."""

from typing import TYPE_CHECKING

from lab.config.sweep import SweepConfig
from lab.report.figures.marks import colour
from lab.report.figures.style import PAGE, blank, legend, literal, paper
from lab.report.searches.search import Search
from lab.report.terms import share, short_names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 15


def importance(question: SweepConfig, search: Search) -> "Figure | None":
    """Most important on top; a bar a variant where several are searched alike, the mean over scales
    where it is searched at several."""
    arms = {question.variant_of(arm): arm for arm in question.arms}
    known = {v: shares for v in arms if (shares := _shares(question, search, v))}
    first = next(iter(known.values()), {})
    total = {
        name: sum(shares.get(name, 0.0) for shares in known.values())
        for name in (question.tune.space if question.tune else {})
        if any(name in shares for shares in known.values())
    }
    names = sorted(total, key=lambda name: -total[name])[:MOST]
    if len(names) < 2 or not first:
        return None
    short, thick = short_names(question.tune.space if question.tune else ()), 0.72 / len(known)
    with paper():
        figure = blank(min(PAGE, 5.2), 0.55 + len(names) * max(0.24, 0.13 * len(known)))
        axes = figure.subplots()
        for index, (variant, shares) in enumerate(known.items()):
            heights = [row + (index - (len(known) - 1) / 2) * thick for row in range(len(names))]
            widths = [shares.get(name, 0.0) for name in names]
            color = colour(question, arms[variant])
            axes.barh(heights, widths, height=thick * 0.92, color=color, label=variant)
            for height, width in zip(heights, widths, strict=True):
                axes.annotate(
                    share(width), (width, height), (3, 0), textcoords="offset points",
                    va="center", fontsize=7 if len(known) < 3 else 6,
                )  # fmt: skip
        axes.set_yticks(range(len(names)), [literal(short[name], most=34) for name in names])
        axes.set_ylim(len(names) - 0.45, -0.55)
        axes.set_xlim(0, 1.12 * max(max(shares.values()) for shares in known.values()))
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
        axes.locator_params(axis="x", nbins=6)
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("Share of the differences between trials")
        if len(known) > 1:
            legend(figure, axes, order=list(known))
    return figure


def _shares(question: SweepConfig, search: Search, variant: str) -> dict[str, float]:
    """Of every setting, by the trials of one variant; {} where they are not known."""
    arms = [arm for arm in question.arms if question.variant_of(arm) == variant]
    found = [shares for arm in arms if (shares := search.importance.get(arm))]
    names = dict.fromkeys(name for shares in found for name in shares)
    return {name: sum(s.get(name, 0.0) for s in found) / len(found) for name in names}
