"""How the loss falls with size or budget: a power law down to a floor.

Design choices:
- L(x) = E + A x^-alpha (Kaplan et al. 2020, equation 1.1, with the constant of Hoffmann et al.
  2022, equation 2, for one variable);
- as there, the Huber loss of residuals of log L, so that one stray run does not bend the curve,
  from several exponents to start with, because the problem is not convex;
- three parameters need four different x at least, and four leave one degree of freedom: what is
  fitted to so few describes them, and predicts little beyond;
- the exponent's interval is a jackknife over seeds, with Student's t: a percentile bootstrap of
  few seeds covers too little.

Sources: Kaplan et al., 'Scaling laws for neural language models' (2020); Hoffmann et al.,
'Training compute-optimal large language models' (2022), section 3.3 and appendix D.3; Tukey 1958.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.stats.paired import t_half_width

Array = npt.NDArray[np.float64]

FEWEST = 4  # different x
HUBER = 1e-3  # residuals of log L above this count by their size, not its square: Hoffmann et al.
STEEPEST = 4.0  # an exponent; what is measured of language models lies below 1
STARTS = (0.05, 0.2, 0.5, 1.0)  # exponents


@dataclass(frozen=True)
class ScalingLaw:
    """L(x) = floor + scale x^-exponent. `residual_sd` is of log L, about its relative error."""

    floor: float
    scale: float
    exponent: float
    residual_sd: float

    def predict(self, x: npt.ArrayLike) -> Array:
        """The loss at any x > 0, in the unit of the losses that were fitted."""
        found: Array = self.floor + self.scale * np.asarray(x, dtype=np.float64) ** -self.exponent
        return found


def fit_law(
    x: npt.ArrayLike, losses: npt.ArrayLike, *, starts: Sequence[float] = STARTS
) -> ScalingLaw | None:
    """Through losses of shape (n,) or (n, seeds) at sizes or budgets x of shape (n,).

    `starts` are the exponents that the search begins at; the best of what it finds is taken.

    None with fewer than four different x, where a number is not finite or not above 0, and where
    the losses do not fall as such a law does: then the exponent is 0, or no end of it is seen.
    """
    sizes, y = _points(x, losses)
    if len(np.unique(sizes)) < FEWEST or not np.isfinite([*sizes, *y]).all():
        return None
    if min(*sizes, *y) <= 0:
        return None
    middle = float(np.exp(np.log(sizes).mean()))
    fits = [_fitted(sizes / middle, y, start) for start in starts]
    floor, log_scale, exponent = min(fits, key=lambda fit: fit[0])[1]
    if not 1e-3 < exponent < STEEPEST - 1e-3:
        return None
    law = ScalingLaw(floor, math.exp(log_scale) * middle**exponent, exponent, math.nan)
    residuals = np.log(y) - np.log(law.predict(sizes))
    spread = math.sqrt(float(residuals @ residuals) / (y.size - 3))
    return ScalingLaw(law.floor, law.scale, law.exponent, spread)


def exponent_interval(
    x: npt.ArrayLike, losses: npt.ArrayLike, *, alpha: float = 0.05
) -> tuple[float, float] | None:
    """The fitted exponent ± Student's t times its jackknife standard error: losses of shape
    (n, seeds).

    What the draw of seeds leaves open, if the law holds; a seed is left out at all x at once, for
    the runs of a seed share their batches. None with fewer than three seeds, or where the law
    cannot be fitted without one of them.
    """
    y = np.asarray(losses, dtype=np.float64)
    seeds = y.shape[1]
    if seeds < 3:
        return None
    whole = fit_law(x, y)
    if whole is None:
        return None
    near = (whole.exponent,)
    without = [fit_law(x, np.delete(y, seed, axis=1), starts=near) for seed in range(seeds)]
    exponents = [law.exponent for law in without if law]
    if len(exponents) < seeds:
        return None
    pseudo_values = seeds * whole.exponent - (seeds - 1) * np.array(exponents)
    half = t_half_width(seeds, float(pseudo_values.std(ddof=1)), alpha=alpha)
    return whole.exponent - half, whole.exponent + half


def _points(x: npt.ArrayLike, losses: npt.ArrayLike) -> tuple[Array, Array]:
    sizes, y = np.asarray(x, dtype=np.float64), np.asarray(losses, dtype=np.float64)
    if sizes.ndim != 1 or y.ndim not in (1, 2) or len(sizes) != len(y):
        raise ValueError(f"losses of shape {y.shape} do not go with {sizes.size} sizes")
    each = np.broadcast_to(sizes.reshape(-1, *[1] * (y.ndim - 1)), y.shape)
    return each.ravel(), y.ravel()


def _fitted(x: Array, y: Array, exponent: float) -> tuple[float, Array]:
    """The cost and (E, log A, alpha), x being scaled to a geometric mean of 1."""
    from scipy.optimize import least_squares

    log_x, log_y, least = np.log(x), np.log(y), float(y.min())

    def residuals(law: Array) -> Array:
        return np.asarray(np.logaddexp(np.log(law[0]), law[1] - law[2] * log_x) - log_y)

    def slopes(law: Array) -> Array:
        log_loss = np.logaddexp(np.log(law[0]), law[1] - law[2] * log_x)
        share = np.exp(law[1] - law[2] * log_x - log_loss)  # of the loss, what falls
        return np.column_stack([np.exp(-log_loss), share, -share * log_x])

    line = np.linalg.lstsq(np.column_stack([np.ones_like(x), x**-exponent]), y, rcond=None)[0]
    floor = float(np.clip(line[0], 0.01 * least, 0.99 * least))
    found = least_squares(
        residuals,
        [floor, math.log(float(y.mean()) - floor), exponent],
        jac=slopes,
        bounds=([0, -50, 0], [least, 50, STEEPEST]),
        loss="huber",
        f_scale=HUBER,
        x_scale="jac",
        xtol=1e-10,
        ftol=1e-10,
        gtol=1e-10,
    )
    return float(found.cost), np.asarray(found.x)
