"""Every trial as a line through its settings, a row a setting, down to what it came to.

A line of a setting that is not there in its trial passes at the left, outside of the row.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lab.config.space import Choices, Range, Scalar
from lab.config.sweep import SweepConfig
from lab.report.figures.axes import MANY, Window, share, strips, window, words
from lab.report.figures.style import FAINT, GRID, INK, PAGE, PALETTE, blank, literal, paper
from lab.report.searches.found import ranked
from lab.report.searches.search import Search, Trial
from lab.report.terms import header, short_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ABSENT, MOST = -0.11, 14  # where a line passes a setting that is not there; rows
CROWD = 60  # lines, beyond which they are thinner
FAINTEST = 0.3  # how opaque the line of the worst is


def parallel(question: SweepConfig, search: Search) -> "Figure | None":
    """Of a search for two settings or more; coloured by the first objective."""
    assert question.tune is not None
    trials, space = ranked(search), question.tune.space
    tried = [n for n in space if any(n in trial.settings for trial in search.ended)]
    if not question.is_search or len(tried) < 2 or len(trials) < 2:
        return None
    shares = next(iter(search.importance.values()), {})
    names = sorted(tried, key=lambda name: -shares.get(name, 0.0))[:MOST]
    values = [trial.values[0] for trial in trials if trial.values]
    shown = window(values, sign=search.sign, marks=False)
    thin = 0.9 if len(trials) <= CROWD else 0.5
    with paper():
        figure = blank(PAGE, 0.45 + 0.5 * (len(names) + 1))
        axes = figure.subplots()
        for trial in (t for t in search.ended if t.state == "pruned"):
            _line(axes, space, names, trial, None, color=GRID, lw=0.8, zorder=1)
        for trial in reversed(trials):  # the best on top
            place = _end(shown, trial, search.sign)
            is_best = trial is trials[0]
            color = PALETTE[1] if is_best else shade(place if search.sign > 0 else 1 - place)
            _line(
                axes, space, names, trial, place, color=color, lw=1.8 if is_best else thin,
                zorder=3 if is_best else 2, rasterized=len(trials) > MANY,
            )  # fmt: skip
        absent = [
            row for row, name in enumerate(names) if any(name not in t.settings for t in trials)
        ]
        if absent:
            _label(axes, ABSENT, absent[0], "not there", "center")
        _rows(axes, [space[name] for name in names], shown)
        labels = [literal(short_names(space)[name], most=26) for name in names]
        metric = header(search.objectives[0].metric).split(",")[0]
        axes.set_yticks(range(len(names) + 1), [*labels, metric])
        axes.set_ylim(len(names) + 0.5, -0.35)
        axes.set_xlim(ABSENT - 0.03 if absent else -0.03, 1.03)
        axes.set_xticks([])
        axes.tick_params(axis="both", length=0)
        axes.grid(visible=False)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
    return figure


def _line(
    axes: "Axes",
    space: dict[str, Range | Choices],
    names: Sequence[str],
    trial: Trial,
    end: float | None,
    **style: Any,
) -> None:
    xs = [
        share(space[name], trial.settings[name]) if name in trial.settings else ABSENT
        for name in names
    ]
    xs += [] if end is None else [end]
    axes.plot(xs, range(len(xs)), solid_joinstyle="round", **style)


def _end(shown: Window, trial: Trial, sign: int) -> float:
    """Where a trial ends in the last row; what is far worse than the middle, at its end."""
    assert trial.values
    value = min(max(trial.values[0], shown.low), shown.high)
    return (value - shown.low) / (shown.high - shown.low)


def shade(place: float) -> tuple[float, float, float, float]:
    """From the full colour, best, to a faint one, whatever the page it is on."""
    from matplotlib.colors import to_rgb

    return (*to_rgb(PALETTE[0]), 1 - (1 - FAINTEST) * place**0.7)


def _rows(axes: "Axes", entries: Sequence[Range | Choices], shown: Window) -> None:
    """A rule a row, with its ticks under it."""
    ends: list[Scalar] = [float(f"{x:.4g}") for x in (shown.low, shown.high)]
    ticks = [_ticks(entry) for entry in entries]
    ticks.append([(0.0, words([ends[0]])[0]), (1.0, words([ends[1]])[0])])
    for row, marks in enumerate(ticks):
        axes.plot([0, 1], [row, row], color=FAINT, lw=0.6, zorder=1.5)
        for x, label in marks:
            axes.plot([x, x], [row - 0.06, row + 0.06], color=FAINT, lw=0.6, zorder=1.5)
            side = "left" if x == 0 else "right" if x == 1 else "center"
            _label(axes, x, row, label, side)


def _label(axes: "Axes", x: float, row: int, text: str, side: str) -> None:
    """Under a row, on a ground that no line shows through."""
    axes.annotate(
        text, (x, row), (0, -4), textcoords="offset points", ha=side, va="top", fontsize=6.5,
        color=INK, zorder=5,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6},
    )  # fmt: skip


def _ticks(entry: Range | Choices) -> list[tuple[float, str]]:
    values = strips(entry)
    if values is not None:
        most = max(6, 90 // len(values))
        labels = words(values, most=most)
        return [(share(entry, v), label) for v, label in zip(values, labels, strict=True)]
    assert isinstance(entry, Range)
    middle = (entry.low * entry.high) ** 0.5 if entry.log else (entry.low + entry.high) / 2
    found: list[Scalar] = [entry.low, entry.value(float(f"{middle:.2g}")), entry.high]
    return [(share(entry, v), label) for v, label in zip(found, words(found), strict=True)]
