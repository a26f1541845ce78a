"""Trials as marks: one that was carried to its end, one given up early, one that was lost."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lab.config.sweep import SweepConfig
from lab.report.figures.axes import MANY, Window
from lab.report.figures.style import FAINT, PALETTE, looks
from lab.report.searches.search import LOST, Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COMPLETE, PRUNED, GONE = "complete", "given up early", "diverged, failed"


def colour(question: SweepConfig, variant: str) -> str:
    """Of a variant beside others; a search has one colour."""
    return str(looks(question)[variant]["color"]) if question.comparisons else PALETTE[0]


def scatter(
    axes: "Axes",
    question: SweepConfig,
    trials: Sequence[Trial],
    places: Sequence[float],
    window: Window,
    *,
    objective: int = 0,
) -> None:
    """The trials of one variant at these places of the x axis."""
    if not trials:
        return
    name = trials[0].variant
    look = looks(question)[name]["marker"] if question.comparisons else "o"
    full = colour(question, name)
    pixels = len(trials) > MANY
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        ("pruned", PRUNED, {"mfc": "none", "mec": full if question.comparisons else FAINT,
                            "ms": 3.4, "mew": 0.7, "alpha": 0.55, "zorder": 2}),
        ("complete", COMPLETE, {"mfc": full, "mec": "white", "ms": 4.6, "mew": 0.5, "zorder": 3}),
    ]  # fmt: skip
    for state, label, style in kinds:
        points = [
            (x, y)
            for x, trial in zip(places, trials, strict=True)
            if trial.state == state and (y := trial.value(objective)) is not None
        ]
        inside = [(x, y) for x, y in points if window.holds(y)]
        label = question.variant_of(name) if question.comparisons and state == "complete" else label
        if inside:
            axes.plot(
            [x for x, _ in inside], [y for _, y in inside], ls="", marker=look, label=label,
            clip_on=False, rasterized=pixels, **style,
        )  # fmt: skip
        at_edge(
            axes, [x for x, y in points if not window.holds(y)], window,
            marker=window.outside, color=style["mec"] if state == "pruned" else full,
        )  # fmt: skip
    gone = [x for x, trial in zip(places, trials, strict=True) if trial.state in LOST]
    lost = full if question.comparisons else FAINT
    at_edge(axes, gone, window, marker="x", color=lost, label=GONE)


def at_edge(
    axes: "Axes", places: Sequence[float], window: Window, *, marker: Any, **style: Any
) -> None:
    """Marks of what has no place in the window, at the edge where worse is."""
    if len(places):
        axes.plot(
            places, [window.edge] * len(places), ls="", marker=marker, ms=4.2, mew=0.9,
            transform=axes.get_xaxis_transform(), zorder=2, **style,
        )  # fmt: skip


def ring(axes: "Axes", x: float, y: float, color: str) -> None:
    """Around the best."""
    axes.plot(x, y, ls="", marker="o", ms=10, mfc="none", mew=1, color=color, zorder=4)
