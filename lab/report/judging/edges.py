"""Whether settings that were chosen lie at the end of what was searched."""

from collections.abc import Mapping

from lab.config.space import Choices, Range, Scalar
from lab.stats.tuning import at_edge, scaled


def edges(space: Mapping[str, Range | Choices], settings: Mapping[str, Scalar]) -> tuple[str, ...]:
    """The settings at an edge of their range, or at an end of a list of three numbers or more."""
    return tuple(name for name, value in settings.items() if _is_edge(space[name], value))


def _is_edge(entry: Range | Choices, value: Scalar) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if isinstance(entry, Range):
        return bool(at_edge(scaled([value], low=entry.low, high=entry.high, log=entry.log))[0])
    numbers = [x for x in entry.keys if isinstance(x, int | float) and not isinstance(x, bool)]
    ends = (min(numbers, default=value), max(numbers, default=value))
    return len(numbers) == len(entry.keys) > 2 and value in ends
