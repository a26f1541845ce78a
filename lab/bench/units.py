"""Numbers as a reader wants them: three digits and a unit."""

from lab.bench.record import Row
from lab.bench.spread import Spread

_STEPS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
SYMBOLS = {"FLOPs": "FLOP", "bytes": "B"}
_LARGE = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def time(seconds: float) -> str:
    scale, unit = next((step for step in _STEPS if seconds >= step[0]), _STEPS[-1])
    return f"{_digits(seconds / scale)} {unit}"


def times(found: Spread) -> str:
    """The median, and the quartiles in the same unit."""
    scale, unit = next((step for step in _STEPS if found.median >= step[0]), _STEPS[-1])
    lower, median, upper = (
        _digits(each / scale) for each in (found.lower, found.median, found.upper)
    )
    return f"{median} {unit} ({lower}–{upper})"


def ratio(found: Spread) -> str:
    return f"{found.median:.2f} ({found.lower:.2f}–{found.upper:.2f})"


def rate(row: Row) -> str:
    """What is done a second."""
    if row.rate is None or row.of is None:
        return ""
    if row.of in SYMBOLS:
        return f"{large(row.rate)}{SYMBOLS[row.of]}/s"
    return (
        f"{float(f'{row.rate:.3g}'):,.0f} {row.of}/s"
        if row.rate >= 10
        else (f"{row.rate:.3g} {row.of}/s")
    )


def large(value: float) -> str:
    scale, letter = next((step for step in _LARGE if value >= step[0]), (1.0, ""))
    return f"{_digits(value / scale)} {letter}"


def share(found: Spread | None) -> str:
    return "" if found is None else f"{100 * found.median:.0f} %"


def _digits(value: float) -> str:
    """Three of them that mean something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
