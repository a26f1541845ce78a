"""Whether a difference has the same sign everywhere: at all scales, or in all settings.

Design choices:
- a sign counts only where the interval of the difference leaves out 0; a mean alone says nothing;
- that all signs agree needs no further correction for their number, since every one of the
  intervals must leave out 0 on that side (Berger 1982); that the sign changes rests on two of
  them, so their level should be shared among all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["holds", "changes", "open"]


@dataclass(frozen=True)
class Signs:
    """Names of the places at which the difference is below 0, above 0, or of either sign."""

    below: tuple[str, ...]
    above: tuple[str, ...]
    open: tuple[str, ...]

    @property
    def kind(self) -> Kind:
        """holds: all on one side; changes: two on different sides; open: neither is shown."""
        if self.below and self.above:
            return "changes"
        return "open" if self.open or not (self.below or self.above) else "holds"


def signs(intervals: Mapping[str, tuple[float, float]]) -> Signs:
    """From (low, high) of the difference by place; one that is not known, NaN, is open."""
    below = tuple(name for name, (_, high) in intervals.items() if high < 0)
    above = tuple(name for name, (low, _) in intervals.items() if low > 0)
    settled = {*below, *above}
    return Signs(below, above, tuple(name for name in intervals if name not in settled))
