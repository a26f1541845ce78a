"""A paired comparison that may be looked at after every seed.

Design choices:
- the scale-invariant t e-process: right-Haar prior on the standard deviation, N(0, g) on the
  standardised effect. Under a mean difference of zero it exceeds 1/alpha at any time with
  probability at most alpha, so stopping when it does is no cheating;
- g = 4: with g = 1 nothing is decided before five seeds;
- the interval is the same process turned round: all mean differences it has not ruled out.

Sources: Pérez-Ortiz, Lardy, de Heide and Grünwald, 'E-statistics, group invariance and anytime
valid testing' (2022); Wang and Ramdas, 'Anytime-valid t-tests and confidence sequences for
Gaussian means with unknown variance' (2023).
"""

import math
from itertools import count

import numpy as np
import numpy.typing as npt

PRIOR_VARIANCE = 4.0


def log_e_value(differences: npt.ArrayLike, *, g: float = PRIOR_VARIANCE) -> float:
    """The logarithm of the t e-process for a mean difference of zero.

    With n differences of mean m and sum of squared deviations S, and q = n m²/S:

        log E = -½ log(1 + n g) + n/2 [log(1 + q) - log(1 + q/(1 + n g))]

    E is 1 while n < 2 or when all differences are 0. Any threshold 1/alpha holds for its
    supremum over time; E at an arbitrary stop is not an e-value to be averaged.
    """
    d = np.asarray(differences, dtype=np.float64)
    n = d.size
    if n < 2 or not d.any():
        return 0.0
    d = d / np.abs(d).max()  # E does not depend on the scale, and squares stay within floats
    c = 1 + n * g
    mean = float(d.mean())
    squares = float(np.square(d - mean).sum())
    between = n * mean**2
    # log((1 + q) / (1 + q/c)) without dividing by squares, which may be 0
    growth = math.log(squares + between) - math.log(squares + between / c)
    return -0.5 * math.log(c) + n / 2 * growth


def largest_log_e_value(n: int, *, g: float = PRIOR_VARIANCE) -> float:
    """What `log_e_value` comes to where n differences are equal; no others of n give more.

    With S = 0 the bracket is log(1 + n g), and log E = (n - 1)/2 log(1 + n g).
    """
    return max(n - 1, 0) / 2 * math.log1p(n * g)


def fewest_to_settle(alpha: float, *, g: float = PRIOR_VARIANCE) -> int:
    """The fewest differences after which E may exceed 1/alpha, and the interval have ends."""
    return next(n for n in count(2) if largest_log_e_value(n, g=g) > -math.log(alpha))


def half_width(n: int, sd: float, *, alpha: float, g: float = PRIOR_VARIANCE) -> float:
    """Half the width of the confidence sequence after n differences; inf where unbounded.

    E < 1/alpha at a shifted mean is (1 + q)/(1 + q/c) < R, where c = 1 + n g and
    R = exp(2/n [log(1/alpha) + ½ log c]). The left side rises from 1 towards c, so that every
    mean is possible while R >= c; else q < (R - 1)/(1 - R/c), and (m - mean)² = q S/n.
    """
    if n < 2:
        return math.inf
    c = 1 + n * g
    log_r = 2 / n * (math.log(1 / alpha) + 0.5 * math.log(c))
    if log_r >= math.log(c):
        return math.inf
    q = math.expm1(log_r) / -math.expm1(log_r - math.log(c))
    return sd * math.sqrt(q * (n - 1) / n)


def confidence_sequence(
    differences: npt.ArrayLike, *, alpha: float, g: float = PRIOR_VARIANCE
) -> tuple[float, float]:
    """The mean differences that `log_e_value` has not ruled out: valid after every seed.

    Unbounded for the first few (three at alpha = 0.05 and g = 4).
    """
    d = np.asarray(differences, dtype=np.float64)
    if d.size < 2:
        return -math.inf, math.inf
    mean = float(d.mean())
    half = half_width(d.size, float(d.std(ddof=1)), alpha=alpha, g=g)
    return mean - half, mean + half
