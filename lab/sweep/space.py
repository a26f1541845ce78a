"""Tuning points: the same for every variant, then closer around each variant's best.

Design choices:
- points live in the unit cube; a range maps its axis, linearly or in the logarithm;
- the first points are one scrambled Sobol sequence (Owen 1998; scipy's `qmc`) or uniform draws;
- refinement shrinks the cube to a box around the best point, one mean spacing of the first
  points to each side, and puts the same relative points into the box of every variant;
- values keep four significant digits, so that what is printed is what was run.
"""

from collections.abc import Mapping, Sequence
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from lab.config.sweep import QuasiRandom, Range, TuneConfig, UniformRandom
from lab.streams import stream

Settings = dict[str, float]


def explore(tune: TuneConfig, *, seed: int) -> list[Settings]:
    """The first `n_explore` points, in order."""
    unit = _unit_points(tune, tune.n_explore, stream(seed, "tune", "explore"))
    return [_settings(tune, point) for point in unit]


def refine(tune: TuneConfig, best: Mapping[str, float], *, seed: int) -> list[Settings]:
    """The last `n_refine` points, around the settings that did best so far."""
    unit = _unit_points(tune, tune.n_refine, stream(seed, "tune", "refine"))
    centre = np.array([_to_unit(span, best[path]) for path, span in tune.space.items()])
    spacing = tune.n_explore ** (-1 / len(tune.space))
    low = np.clip(centre - spacing, 0, max(0.0, 1 - 2 * spacing))
    width = np.minimum(2 * spacing, 1.0)
    return [_settings(tune, low + width * point) for point in unit]


def _unit_points(tune: TuneConfig, count: int, seed: int) -> NDArray[np.float64]:
    """(count, dimensions) points of the unit cube."""
    if count == 0:
        return np.empty((0, len(tune.space)))
    match tune.sampler:
        case QuasiRandom():
            from scipy.stats import qmc  # a second to import

            sobol = qmc.Sobol(len(tune.space), scramble=True, rng=np.random.default_rng(seed))
            power = int(np.ceil(np.log2(count)))
            return np.asarray(sobol.random_base2(power)[:count])
        case UniformRandom():
            return np.random.default_rng(seed).random((count, len(tune.space)))
        case unreachable:
            assert_never(unreachable)


def _settings(tune: TuneConfig, point: Sequence[float] | NDArray[np.float64]) -> Settings:
    return {
        path: _from_unit(span, float(x))
        for (path, span), x in zip(tune.space.items(), point, strict=True)
    }


def _from_unit(span: Range, x: float) -> float:
    low, high = _ends(span)
    value = low + x * (high - low)
    value = float(f"{np.exp(value) if span.log else value:.4g}")
    return min(max(value, span.low), span.high)


def _to_unit(span: Range, value: float) -> float:
    low, high = _ends(span)
    return float((np.log(value) if span.log else value) - low) / (high - low)


def _ends(span: Range) -> tuple[float, float]:
    return (
        (float(np.log(span.low)), float(np.log(span.high))) if span.log else (span.low, span.high)
    )
