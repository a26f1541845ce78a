"""What the figures share: axes of settings and of what trials are judged by."""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lab.config.space import Choices, Range, Scalar, same
from lab.report.figures.style import literal
from lab.report.searches.search import Search, Trial
from lab.report.terms import header, setting
from lab.stats.tuning import scaled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

MANY = 1000  # marks, beyond which they are drawn as pixels
STRIPS = 8  # whole numbers up to which each has a place of its own
THOUSANDS = (
    (1e18, ", 10¹⁸"), (1e15, ", 10¹⁵"), (1e12, ", trillions"), (1e9, ", billions"),
    (1e6, ", millions"), (1e3, ", thousands"),
)  # fmt: skip


def thousands(last: float) -> tuple[float, str]:
    """What to divide by, and how to say so, where the largest number is `last`."""
    return next((pair for pair in THOUSANDS if last >= pair[0]), (1.0, ""))


def compact(value: float) -> str:
    """Of a tick: `0.002`, `3200`, `100k`."""
    size, word = next((x for x in ((1e6, "M"), (1e4, "k")) if abs(value) >= x[0]), (1.0, ""))
    size = 1e3 if word == "k" else size
    return f"{float(f'{value / size:.3g}'):g}{word}"


def range_axis(axes: "Axes", span: Range, *, narrow: bool = False) -> None:
    """The range that was searched, and a little room; a narrow axis has fewer ticks."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    if not span.log:
        room = 0.04 * (span.high - span.low)
        axes.set_xlim(span.low - room, span.high + room)
        axes.locator_params(axis="x", integer=span.integer)
        return
    room = (span.high / span.low) ** 0.04
    decades = math.log10(span.high / span.low)
    axes.set_xscale("log")
    axes.set_xlim(span.low / room, span.high * room)
    subs = (1, 2, 5) if decades < 1.6 or not narrow else (1, 3)
    axes.xaxis.set_major_locator(LogLocator(subs=subs if decades < 3 else (1,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())


def metric_axis(axis: "Axis", metric: str, *, lines: int = 1) -> None:
    """Its name, in one line or two, and counts in thousands."""
    axis.set_label_text(header(metric).replace(", ", ",\n" if lines > 1 else ", "))
    if metric.startswith(("model.", "time/tokens")):
        axis.set_major_formatter(lambda value, _: compact(value))


def strips(entry: Range | Choices) -> list[Scalar] | None:
    """The values that have a place of their own; None for a range that is an axis."""
    if isinstance(entry, Range) and (entry.count or STRIPS + 1) > STRIPS:
        return None
    return entry.values()


def strip_of(values: Sequence[Scalar], value: Scalar) -> int:
    """The place of a value."""
    return next(place for place, known in enumerate(values) if same(known, value))


def share(entry: Range | Choices, value: Scalar) -> float:
    """Where a value lies between the ends of what was searched, from 0 to 1."""
    values = strips(entry)
    if values is not None:
        return strip_of(values, value) / (len(values) - 1) if len(values) > 1 else 0.5
    assert isinstance(entry, Range)
    assert isinstance(value, int | float)
    return float(scaled([value], low=entry.low, high=entry.high, log=entry.log)[0])


def words(values: Iterable[Scalar], *, most: int = 14) -> list[str]:
    """Values as labels of ticks."""
    return [
        compact(value) if isinstance(value, float) else literal(setting(value), most=most)
        for value in values
    ]


@dataclass(frozen=True)
class Window:
    """What of an objective is shown: what is far worse than the middle is marked at the edge."""

    low: float
    high: float
    edge: float  # as a share of the height, where the marks of what is outside stand
    outside: int  # the marker that points to where they are

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def apply(self, axes: "Axes") -> None:
        axes.set_ylim(self.low, self.high)


def window(values: Sequence[float], *, sign: int, marks: bool) -> Window:
    """For these values; `marks`: whether something stands at the edge in any case."""
    y = sign * np.asarray(values, dtype=np.float64)
    low, middle = float(y.min()), float(np.median(y))
    top = min(float(y.max()), low + 4 * (middle - low))
    top = top if top > low else low + max(1e-3, 0.05 * abs(low))
    far = marks or bool((y > top).any())
    bottom = low - 0.08 * (top - low)
    top = bottom + (top - bottom) / (0.90 if far else 0.95)
    ends = (bottom, top) if sign > 0 else (-top, -bottom)
    return Window(*ends, edge=0.97 if sign > 0 else 0.03, outside=6 if sign > 0 else 7)


def shown_values(
    search: Search, objective: int = 0, *, arms: Collection[str] | None = None
) -> list[float]:
    """What trials came to, or had come to when they were given up; of some arms, or of all."""
    ended = (trial for trial in search.ended if arms is None or trial.variant in arms)
    values = (trial.value(objective) for trial in ended)
    return [value for value in values if value is not None]


def of_variant(search: Search, variant: str) -> list[Trial]:
    return [trial for trial in search.ended if trial.variant == variant]
