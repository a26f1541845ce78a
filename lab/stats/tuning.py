"""What tuning left on the table, and how much a variant depends on its tuning.

Design choices:
- settings are scaled to [0, 1] over the searched range, along the logarithm where the range is
  logarithmic; every function here takes scaled settings;
- losses near an optimum are close to a parabola in the logarithm of a rate and far from one
  elsewhere (they explode above it), so the fit uses the better two thirds of the trials, and at
  least two more than it has coefficients where there are as many;
- losses are noisy and no curve is a parabola, so that the fit itself is uncertain: by its standard
  error, the residual SD over the root of the number of trials, more may be left than it says.
  Without that, identical arms are decided in one simulated sweep of ten over a measured curve;
- with several settings the surface is separable, a parabola along each: the cross terms would
  cost more trials than anybody spends;
- an optimum is never assumed outside of the range that was searched;
- a trial that did not end with a finite loss says nothing about the shape near the optimum, and
  is left out of the fit; it still counts as the worst wherever trials are ranked.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Surface:
    """A separable quadratic: constant + sum over settings of slope u + curvature u²."""

    constant: float
    slope: Array
    curvature: Array
    used: npt.NDArray[np.bool_]  # which trials the fit used
    standard_error: float  # of its height

    def predict(self, settings: npt.ArrayLike) -> Array:
        """Losses at scaled settings of shape (n, d)."""
        u = np.atleast_2d(np.asarray(settings, dtype=np.float64))
        predicted: Array = self.constant + u @ self.slope + np.square(u) @ self.curvature
        return predicted

    @property
    def best(self) -> Array:
        """The settings within the searched range at which the surface is lowest."""
        ends = np.where(self.slope + self.curvature < 0, 1.0, 0.0)
        bowl = self.curvature > 0
        vertex = -self.slope / np.where(bowl, 2 * self.curvature, 1.0)
        return np.where(bowl, np.clip(vertex, 0, 1), ends)

    def tau(self, chosen: npt.ArrayLike) -> float:
        """What a better choice of settings might still gain: predicted at the chosen point, minus
        the lowest prediction within the range, plus the standard error. Never below 0."""
        gap = float(self.predict(chosen)[0] - self.predict(self.best)[0])
        return max(0.0, gap) + self.standard_error


def scaled(values: npt.ArrayLike, *, low: float, high: float, log: bool) -> Array:
    """Values of one setting as shares of its range."""
    x = np.asarray(values, dtype=np.float64)
    if log:
        x, low, high = np.log(x), math.log(low), math.log(high)
    share: Array = (x - low) / (high - low)
    return share


def trials_needed(n_settings: int) -> int:
    """The fewest trials with a finite loss that `fit_surface` can use: one a coefficient, and one
    that tells how well they fit."""
    return 2 * n_settings + 2


def fit_surface(settings: npt.ArrayLike, losses: npt.ArrayLike) -> Surface | None:
    """Least squares through the better two thirds, scaled settings of shape (n, d).

    Along a setting where the fit is not convex it falls back to a straight line, whose lowest
    point is an end of the range. None ('not estimable') with no more finite losses at different
    settings than coefficients, or where the settings do not tell the coefficients apart.
    """
    u = np.asarray(settings, dtype=np.float64)
    y = np.asarray(losses, dtype=np.float64)
    n_settings = u.shape[1]
    finite = np.flatnonzero(np.isfinite(y))
    if len(np.unique(u[finite], axis=0)) < trials_needed(n_settings):
        return None
    enough = max(trials_needed(n_settings) + 1, math.ceil(2 * len(finite) / 3))
    near = finite[np.argsort(y[finite], kind="stable")][:enough]
    bowl = np.ones(n_settings, dtype=bool)
    while True:
        columns = np.column_stack([np.ones(len(near)), u[near], np.square(u[near])[:, bowl]])
        if np.linalg.matrix_rank(columns) < columns.shape[1]:
            return None
        found = np.linalg.lstsq(columns, y[near], rcond=None)[0]
        curvature = np.zeros(n_settings)
        curvature[bowl] = found[1 + n_settings :]
        if np.all(curvature[bowl] > 0):
            break
        bowl &= curvature > 0
    residuals = y[near] - columns @ found
    spread = math.sqrt(float(residuals @ residuals) / (len(near) - columns.shape[1]))
    used = np.zeros(len(y), dtype=bool)
    used[near] = True
    slope, error = found[1 : 1 + n_settings], spread / math.sqrt(len(near))
    return Surface(float(found[0]), slope, curvature, used, error)


def at_edge(settings: npt.ArrayLike, *, within: float = 0.1) -> npt.NDArray[np.bool_]:
    """Which of the scaled settings lie within this share of the range from either of its ends."""
    u = np.asarray(settings, dtype=np.float64)
    edge: npt.NDArray[np.bool_] = (u < within) | (u > 1 - within)
    return edge


def more_trials(n: int, *, tau: float, affordable: float, n_settings: int) -> int:
    """How many more trials should bring `tau` down to `affordable`.

    Spacing falls as n^(-1/d) over d settings, and the loss left by it as its square, so tau
    falls as n^(-2/d). At least one.
    """
    if affordable <= 0:
        raise ValueError(f"no number of trials brings tau below {affordable:g}")
    growth: float = (tau / affordable) ** (n_settings / 2)
    return max(1, math.ceil(n * growth) - n)


def sensitivity(settings: npt.ArrayLike, losses: npt.ArrayLike, *, initial: float) -> float:
    """Learning-rate sensitivity (Wortsman et al. 2023, section 2.1), for one scaled setting.

    The mean over the searched rates of min(loss, loss at initialisation), minus the best. The
    mean over a log grid is taken by the trapezoid rule, because trials crowd around the best; a
    loss that is not finite counts as the one at initialisation. NaN for fewer than two rates.
    """
    u = np.asarray(settings, dtype=np.float64)
    y = np.asarray(losses, dtype=np.float64)
    capped = np.where(np.isfinite(y), np.minimum(y, initial), initial)
    places = np.unique(u)
    if len(places) < 2:
        return math.nan
    heights = np.array([capped[u == place].mean() for place in places])
    mean = float(np.trapezoid(heights, places) / (places[-1] - places[0]))
    return mean - float(capped.min())
