"""What a paired comparison may say: decided, equivalent, or undecided, by one interval.

Design choices:
- the interval that is printed is the one that decides: from the confidence sequence, which holds
  after every seed, or from Student's t, which holds at one number of seeds fixed beforehand;
- `tau`, what tuning may have left on the table on both sides, widens it at each end; seeds cannot
  make that part smaller;
- so a comparison may be futile: where everything that the seeds leave possible lies within what
  tuning may hide, as it always does where that is not known, more seeds settle nothing. To stop
  then costs no error, since nothing is claimed.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from lab.stats.paired import t_half_width
from lab.stats.sequential import half_width

Kind = Literal["decided", "equivalent", "undecided"]


@dataclass(frozen=True)
class Decision:
    """About the mean difference. `half` is of the interval that the seeds give, without `tau`."""

    kind: Kind
    mean: float
    half: float
    tau: float  # inf: not known
    small: bool = False  # equivalent, and yet not 0
    futile: bool = False  # no number of seeds would settle it

    @property
    def settled(self) -> bool:
        """No more seeds are needed."""
        return self.kind != "undecided" or self.futile

    @property
    def differs_here(self) -> bool:
        """At these settings there is a difference, whatever better ones would do."""
        return abs(self.mean) > self.half


def decide(
    differences: npt.ArrayLike,
    *,
    alpha: float,
    margin: float | None = None,
    tau: float = 0.0,
    anytime: bool = True,
) -> Decision:
    """The verdict on differences paired by seed, at least one.

    With h = `half` + `tau`: decided where |mean| > h; equivalent where |mean| + h <= `margin`.
    With `anytime` it may be asked after every seed, at most `alpha` of all true nulls being ever
    decided; else once, at a number of seeds fixed beforehand.
    """
    d = np.asarray(differences, dtype=np.float64)
    mean = float(d.mean())
    half = reach(d, alpha=alpha, anytime=anytime)(d.size)
    if margin is not None and abs(mean) + half + tau <= margin:
        return Decision("equivalent", mean, half, tau, small=abs(mean) > half + tau)
    if abs(mean) > half + tau:
        return Decision("decided", mean, half, tau)
    hidden = math.isfinite(half) and abs(mean) + half <= tau
    futile = hidden and (margin is None or margin <= tau)
    return Decision("undecided", mean, half, tau, futile=futile)


def reach(
    differences: npt.ArrayLike, *, alpha: float, anytime: bool = True
) -> Callable[[int], float]:
    """Half the interval's width by the number of seeds, if their spread stays as it is."""
    d = np.asarray(differences, dtype=np.float64)
    if d.size < 2:
        return lambda n: math.inf
    rule = half_width if anytime else t_half_width
    return partial(rule, sd=float(d.std(ddof=1)), alpha=alpha)
