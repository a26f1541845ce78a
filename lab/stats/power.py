"""How many seeds a comparison needs: before any is trained, and given those that were."""

import bisect
import math
from collections.abc import Callable


def paired_t_power(n: int, effect: float, *, alpha: float = 0.05) -> float:
    """The chance that a two-sided paired t test sees an effect of `effect` SDs with n pairs.

    P(|T| > t(1 - alpha/2; n - 1)), T noncentral with n - 1 degrees of freedom and noncentrality
    effect·√n (Cohen 1988, chapter 2).
    """
    from scipy.special import nctdtr, stdtrit

    df, shift = n - 1, abs(effect) * math.sqrt(n)
    critical = float(stdtrit(df, 1 - alpha / 2))
    # the lower tail's algorithm loses its way where the shift is large, and it is empty there
    lower = float(nctdtr(df, shift, -critical)) if shift < 10 else 0.0
    return 1 - float(nctdtr(df, shift, critical)) + lower


def pairs_needed(effect: float, *, power: float = 0.8, alpha: float = 0.05) -> int:
    """The fewest pairs with which a paired t test has this power; `effect` is Cohen's d_z."""
    if effect == 0:
        raise ValueError("an effect of 0 needs infinitely many pairs")
    n = 2
    while paired_t_power(n, effect, alpha=alpha) < power:
        n += 1
    return n


def pairs_to_settle(
    mean: float,
    half_width: Callable[[int], float],
    *,
    beyond: int,
    widening: float = 0.0,
    margin: float | None = None,
    limit: int = 10_000,
) -> int | None:
    """The fewest pairs beyond `beyond` that settle a comparison, if mean and spread stay.

    Settled means that mean ± (half_width(n) + widening) leaves out 0 or lies within ± margin;
    half_width must not grow with n. None where `limit` pairs are not enough, as when |mean| is no
    more than the widening.
    """

    def settled(n: int) -> bool:
        reach = half_width(n) + widening
        return abs(mean) > reach or (margin is not None and abs(mean) + reach <= margin)

    candidates = range(beyond + 1, limit + 1)
    place = bisect.bisect_left(candidates, x=True, key=settled)
    return candidates[place] if place < len(candidates) else None
