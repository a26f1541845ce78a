"""What tuning would have found with fewer trials: the best loss against their number.

Design choices:
- the mean is over all subsets of the trials, without replacement: unbiased, which resampling with
  replacement is not;
- the band is one for the whole curve, and exact, for it follows from a band for the distribution
  of a trial's loss. It is that of the median best, not of the mean best: a mean has no bounds
  unless a loss has, and a few trials bound it by little more than that;
- below, a few trials say little: where the best loss of all may be rare, only what is known
  beforehand (`least`) bounds it;
- a lost trial counts as the worst: at the loss at initialisation, as any other that ends above it;
- all of it takes the trials for independent draws from one distribution, as random search makes
  them. The points of a quasi-random list are spread more evenly, so that there it is approximate;
  those of an adaptive sampler are no such draws, and the caller must refuse them.

Sources: Dodge et al., 'Show your work' (2019); Tang et al., 'Showing your work doesn't always
work' (2020); Lourie et al., 'Show your work with confidence' (2023).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.stats.bands import Array, order_band


@dataclass(frozen=True)
class BudgetCurve:
    """Arrays of shape (N,): the best loss of n trials, n = 1 to N."""

    n: npt.NDArray[np.int_]
    expected: Array  # the mean best
    median: Array  # the median best; it lies within the band, the mean need not
    low: Array  # of the band of the median best; -inf, or `least`, where the trials do not say
    high: Array  # inf, or the loss at initialisation, where they do not say


def budget_curve(
    losses: npt.ArrayLike,
    *,
    alpha: float = 0.05,
    initial: float = math.inf,
    least: float = -math.inf,
) -> BudgetCurve:
    """From the losses of N trials, in any order; NaN or infinite where a trial was lost.

    `initial` is the loss at initialisation; without it the mean is infinite where all of n trials
    may be lost. `least` is what no loss can be below, such as a known floor. The band holds the
    median best of every n, whole or not, with probability 1 - `alpha`, and so that of 1 to N with
    a little more. Raises ValueError without trials.
    """
    y = np.asarray(losses, dtype=np.float64)
    ranked = np.sort(np.minimum(np.where(np.isnan(y), np.inf, y), initial))
    n = np.arange(1, ranked.size + 1)
    low, high = order_band(ranked.size, alpha=alpha)
    share = 1 - 0.5 ** (1 / n)  # F at the median best of n: (1 - F)^n = 1/2
    return BudgetCurve(
        n=n,
        expected=expected_best(ranked),
        median=ranked[np.ceil(ranked.size * share).astype(int) - 1],
        low=np.append(least, ranked)[np.searchsorted(high, share)],
        high=np.append(ranked, initial)[np.searchsorted(low, share)],
    )


def expected_best(losses: npt.ArrayLike) -> Array:
    """The mean over all subsets of n of the N losses of the lowest in it, n = 1 to N: shape (N,).

    The i-th lowest is the lowest of C(N - i, n - 1) of the C(N, n) subsets (Tang et al. 2020).
    """
    ranked = np.sort(np.asarray(losses, dtype=np.float64))
    total = ranked.size
    n = np.arange(1, total + 1)
    share, mean = n / total, np.zeros(total)  # share: of the subsets of which the i-th is lowest
    for i, loss in enumerate(ranked, start=1):
        mean += np.where(share > 0, share, 1) * np.where(share > 0, loss, 0)
        if i < total:
            share = share * np.maximum(total - i - n + 1, 0) / (total - i)
    return mean
