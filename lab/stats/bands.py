"""A band that holds a whole distribution function, from a sample of it and nothing else.

Design choices:
- the i-th smallest of N values has a beta distribution of F, whatever F is, as long as it has no
  jumps (with jumps the band holds more often): the band takes the same share off each tail of each;
- that share is found so that all N intervals hold at once with probability 1 - alpha, by an exact
  recursion, not by Bonferroni, whose band is wider, and not by simulation;
- next to Kolmogorov's band of constant width it is narrow in the tails, and the best of several
  trials is a question about a tail.

Sources: Learned-Miller and DeStefano, 'A probabilistic upper bound on differential entropy' (2008),
for equal shares; Moscovich and Nadler, 'Fast calculation of boundary crossing probabilities for
Poisson processes' (2017), for the recursion.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@cache
def order_band(n: int, *, alpha: float) -> tuple[Array, Array]:
    """(low, high), of shape (n,) each: F at the i-th smallest of n values lies between, for all i.

    So F is at least low[i] from the i-th value on, and at most high[i] before it. It holds at all
    places at once with probability 1 - alpha. Raises ValueError where n < 1.
    """
    from scipy.optimize import brentq
    from scipy.special import betaincinv

    if n < 1:
        raise ValueError(f"no band from {n} values: give one or more")
    rank = np.arange(1, n + 1)

    def band(log_share: float) -> tuple[Array, Array]:
        low = np.asarray(betaincinv(rank, n + 1 - rank, np.exp(log_share) / 2), dtype=np.float64)
        return low, 1 - low[::-1]

    def excess(log_share: float) -> float:
        return chance_within(*band(log_share)) - (1 - alpha)

    # Bonferroni's share is too small, and the whole of alpha, but for one value, too large
    low, high = band(brentq(excess, np.log(alpha / n) - 1e-9, np.log(alpha) + 1e-9, xtol=1e-9))
    low.flags.writeable = high.flags.writeable = False  # they are shared by all who ask
    return low, high


def chance_within(low: npt.ArrayLike, high: npt.ArrayLike) -> float:
    """P(low[i] <= i-th smallest of n uniform values <= high[i], for all i); both rise with i.

    The count of values below t is followed from one bound to the next, as that of a Poisson process
    given that it ends at n (Moscovich and Nadler 2017).
    """
    a, b = (np.clip(np.asarray(side, dtype=np.float64), 0, 1) for side in (low, high))
    n = a.size
    stops = np.unique(np.concatenate([a, b, [1.0]]))
    fewest = np.searchsorted(b, stops, side="right")
    most = np.searchsorted(a, stops, side="left")
    chance, least, before = np.ones(1), 0, 0.0  # chance[k]: of `least` + k values so far
    for t, down_to, up_to in zip(stops, fewest, most, strict=True):
        if up_to < down_to:
            return 0.0
        more = _poisson(np.arange(up_to - least + 1), n * (t - before))
        chance = np.convolve(chance, more)[down_to - least : up_to - least + 1]
        least, before = down_to, t
    return float(chance.sum() / _poisson(np.array([n]), n)[0])


def _poisson(counts: npt.NDArray[np.int_], mean: float) -> Array:
    from scipy.special import gammaln, xlogy

    chances: Array = np.exp(xlogy(counts, mean) - mean - gammaln(counts + 1))
    return chances
