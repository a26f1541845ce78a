"""How far a model stays from the best possible loss: the floor as a control variate.

Design choices:
- what makes a window hard makes it hard for the best predictor too, so that loss and floor go up
  and down together; subtracting the floor of the same windows takes that noise out;
- where the floor's expectation is known in closed form any multiple of the floor may be
  subtracted, and the best multiple is the slope of loss on floor; the multiple 1 needs no
  expectation, is unbiased, and is what the lab reports;
- windows are independent of one another, tokens of a window are not: sums are by window, and the
  standard error is that of a ratio of sums (Cochran 1977, section 2.11), as in training.

Source of control variates: Owen, 'Monte Carlo theory, methods and examples' (2013), section 8.9.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Excess:
    """The mean loss over the floor, in nats a token, and its standard error over windows."""

    mean: float
    se: float  # NaN for fewer than two windows
    multiple: float  # of the floor that was subtracted; 0 is the plain estimate


def excess(
    losses: npt.ArrayLike,
    floors: npt.ArrayLike,
    counts: npt.ArrayLike,
    *,
    multiple: float = 1.0,
    expected_floor: float | None = None,
) -> Excess:
    """From sums over windows, shape (n,): nats of loss, nats of floor, tokens that are scored.

    (sum of losses - multiple * sum of floors) / tokens - (1 - multiple) * `expected_floor`, the
    floor a token that is known in closed form; only the multiple 1 does without it. Windows
    without a scored token say nothing. Raises ValueError where no token is scored, and where
    `expected_floor` is needed.
    """
    y, x, n = _windows(losses, floors, counts)
    if expected_floor is None and multiple != 1:
        raise ValueError(f"multiple={multiple:g} needs the expected floor; only 1 does without it")
    left = y - multiple * x
    mean = float(left.sum() / n.sum())
    residuals = left - mean * n
    scale = len(n) / (len(n) - 1) if len(n) > 1 else math.nan
    se = math.sqrt(float(residuals @ residuals) * scale) / float(n.sum())
    return Excess(mean - (1 - multiple) * (expected_floor or 0.0), se, multiple)


def best_multiple(losses: npt.ArrayLike, floors: npt.ArrayLike, counts: npt.ArrayLike) -> float:
    """The multiple of the floor with the least standard error: the slope of loss on floor.

    Cov(loss, floor) / Var(floor), of the residuals of both ratios (Owen 2013). 1 where the floor
    a token is the same in every window, for then none is better.
    """
    y, x, n = _windows(losses, floors, counts)
    loss, floor = (side - n * side.sum() / n.sum() for side in (y, x))
    varies = float(floor @ floor) > 1e-24 * float(x @ x)  # else rounding
    return float(loss @ floor) / float(floor @ floor) if varies else 1.0


def variance_ratio(losses: npt.ArrayLike, floors: npt.ArrayLike, counts: npt.ArrayLike) -> float:
    """How many times more windows the plain estimate needs for the same standard error.

    The variance without the floor over that with it, window by window: (se of the loss / se of
    the excess)². NaN for fewer than two windows, infinite where the excess is the same in all.
    """
    plain = excess(losses, floors, counts, multiple=0.0, expected_floor=0.0).se
    ours = excess(losses, floors, counts).se
    if ours == 0:
        return math.inf if plain else math.nan
    return (plain / ours) ** 2


def _windows(
    losses: npt.ArrayLike, floors: npt.ArrayLike, counts: npt.ArrayLike
) -> tuple[Array, Array, Array]:
    y, x, n = (np.asarray(side, dtype=np.float64) for side in (losses, floors, counts))
    if not y.shape == x.shape == n.shape:
        raise ValueError(f"{y.size} losses, {x.size} floors and {n.size} counts do not go together")
    scored = n > 0
    if not scored.any():
        raise ValueError("no window has a token that is scored")
    return y[scored], x[scored], n[scored]
