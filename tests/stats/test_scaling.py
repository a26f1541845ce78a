"""Scaling laws against planted parameters, scipy's curve_fit, and simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from lab.stats.scaling import exponent_interval, fit_law

SIZES = np.array([2e4, 6e4, 2e5, 6e5, 2e6])


def law(x: np.ndarray, floor: float, scale: float, exponent: float) -> np.ndarray:
    return floor + scale * x**-exponent


@settings(deadline=None, max_examples=10, database=None)
@given(st.floats(0, 3), st.floats(1, 50), st.floats(0.1, 0.9))
def test_planted_parameters_are_found_again(floor: float, scale: float, exponent: float) -> None:
    losses = law(SIZES, floor, scale, exponent)
    found = fit_law(SIZES, losses)
    assert found is not None
    assert found.predict(SIZES) == pytest.approx(losses, rel=1e-4)
    falling = losses[0] - losses[-1]
    if falling > 0.05 * losses[-1]:  # else it is nearly flat, and any exponent will do
        assert found.exponent == pytest.approx(exponent, abs=0.02)
        assert found.floor == pytest.approx(floor, abs=0.02 * losses[-1])


def test_curve_fit_agrees() -> None:
    losses = law(SIZES, 1.7, 8.0, 0.3)
    expected, _ = optimize.curve_fit(law, SIZES, losses, p0=[1, 1, 0.5], maxfev=10_000)
    found = fit_law(SIZES, losses)
    assert found is not None
    assert (found.floor, found.scale, found.exponent) == pytest.approx(tuple(expected), rel=1e-3)
    assert found.residual_sd < 1e-6
    assert found.predict([1e7]) == pytest.approx(law(np.array([1e7]), *expected), rel=1e-4)


def test_the_unit_of_x_only_changes_the_scale() -> None:
    losses = law(SIZES, 1.2, 5.0, 0.2) * np.array([1.002, 0.999, 1, 0.998, 1.001])
    one, other = fit_law(SIZES, losses), fit_law(SIZES * 1e6, losses)
    assert one is not None
    assert other is not None
    assert other.exponent == pytest.approx(one.exponent, rel=1e-4)
    assert other.scale == pytest.approx(one.scale * 1e6**one.exponent, rel=1e-2)


def test_the_residual_sd_is_relative() -> None:
    noise = np.random.default_rng(0).normal(0, 0.004, (5, 200))
    found = fit_law(SIZES, law(SIZES, 1.7, 8.0, 0.3)[:, None] * np.exp(noise))
    assert found is not None
    assert found.residual_sd == pytest.approx(0.004, rel=0.1)
    assert found.exponent == pytest.approx(0.3, abs=0.02)


def test_one_stray_run_does_not_bend_it() -> None:
    losses = np.repeat(law(SIZES, 1.7, 8.0, 0.3)[:, None], 3, axis=1)
    losses[2, 1] *= 1.5
    found = fit_law(SIZES, losses)
    assert found is not None
    assert found.exponent == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize(
    ("x", "losses"),
    [
        ([1, 2, 3], [3.0, 2.0, 1.5]),
        ([1, 2, 3, 3], [3.0, 2.0, 1.5, 1.6]),
        ([1, 2, 4, 8], [3.0, 2.0, np.nan, 1.5]),
        ([1, 2, 4, 8], [3.0, 2.0, 1.5, -1.0]),
        ([0, 2, 4, 8], [3.0, 2.0, 1.5, 1.2]),
        ([1, 2, 4, 8], [1.0, 2.0, 3.0, 4.0]),  # rises
        ([1, 2, 4, 8], [2.0, 2.0, 2.0, 2.0]),
    ],
)
def test_what_cannot_be_fitted(x: list[float], losses: list[float]) -> None:
    assert fit_law(x, losses) is None


def test_shapes_that_do_not_go_together() -> None:
    with pytest.raises(ValueError, match=r"\(3,\) do not go with 4 sizes"):
        fit_law([1, 2, 3, 4], [3.0, 2.0, 1.0])


def test_the_interval_is_as_wide_as_the_exponent_varies() -> None:
    rng, truth = np.random.default_rng(1), law(SIZES, 1.0, 20.0, 0.4)[:, None]
    sweeps = [truth * np.exp(rng.normal(0, 0.004, (5, 5))) for _ in range(30)]
    laws = [fit_law(SIZES, losses, starts=(0.4,)) for losses in sweeps]
    varies = np.std([one.exponent for one in laws if one], ddof=1)
    found = [exponent_interval(SIZES, losses) for losses in sweeps[:8]]
    intervals = np.array([interval for interval in found if interval])
    assert len(intervals) == 8
    half = np.sqrt(np.mean(np.square(np.diff(intervals) / 2)))
    assert half == pytest.approx(stats.t.ppf(0.975, 4) * varies, rel=0.35)
    assert np.mean((intervals[:, 0] < 0.4) & (intervals[:, 1] > 0.4)) >= 0.75


def test_no_interval_from_two_seeds() -> None:
    assert exponent_interval(SIZES, np.repeat(law(SIZES, 1, 5, 0.2)[:, None], 2, axis=1)) is None
