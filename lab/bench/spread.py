"""A median, and the quartiles around it."""

import statistics
from collections.abc import Sequence

from lab.config.base import Strict


class Spread(Strict):
    """Half of what was measured lies from `lower` to `upper`."""

    median: float
    lower: float
    upper: float

    def apart_from(self, other: "Spread") -> bool:
        """Whether the two halves have nothing in common."""
        return self.lower > other.upper or self.upper < other.lower


def spread(values: Sequence[float]) -> Spread:
    """Quartiles as `numpy.quantile` has them, between the two nearest values."""
    if len(values) == 1:
        return Spread(median=values[0], lower=values[0], upper=values[0])
    lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median=median, lower=lower, upper=upper)


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Ours to theirs, round by round: what a round has in common cancels."""
    return spread([mine / other for mine, other in zip(ours, theirs, strict=True)])
