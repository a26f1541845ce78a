"""The t e-process against quadrature, the interval against root finding, both against chance."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from lab.stats.sequential import (
    confidence_sequence,
    fewest_to_settle,
    half_width,
    largest_log_e_value,
    log_e_value,
)

finite = st.floats(-100, 100).map(lambda x: round(x, 6))
samples = st.lists(finite, min_size=2, max_size=12).filter(lambda d: np.std(d) > 1e-3)


@pytest.mark.parametrize(("n", "g", "shift"), [(2, 4.0, 0.0), (5, 4.0, 1.0), (9, 1.0, -0.4)])
def test_it_is_the_bayes_factor_of_the_t_statistic(n: int, g: float, shift: float) -> None:
    """Under the right-Haar prior on the SD, E is the ratio of the t statistic's densities."""
    d = np.random.default_rng(n).normal(shift, 1, n)
    t = math.sqrt(n) * d.mean() / d.std(ddof=1)

    def density(effect: float) -> float:
        prior = stats.norm.pdf(effect, scale=math.sqrt(g))
        return float(stats.nct.pdf(t, n - 1, math.sqrt(n) * effect) * prior)

    mixture, _ = integrate.quad(density, -15, 15, limit=200, points=[0, t / math.sqrt(n)])
    expected = math.log(mixture) - stats.t.logpdf(t, n - 1)
    assert log_e_value(d, g=g) == pytest.approx(expected, rel=1e-6)


def test_the_formula_of_the_methods_page() -> None:
    d, g = np.array([-0.24, -0.23, -0.22, -0.25]), 4.0
    n, m = len(d), d.mean()
    q = n * m**2 / np.square(d - m).sum()
    formula = -0.5 * math.log(1 + n * g) + n / 2 * (math.log(1 + q) - math.log(1 + q / (1 + n * g)))
    assert log_e_value(d) == pytest.approx(formula, rel=1e-12)


@pytest.mark.parametrize("d", [[], [1.0], [0.0, 0.0, 0.0]])
def test_nothing_seen_is_no_evidence(d: list[float]) -> None:
    assert log_e_value(d) == 0.0


def test_equal_differences_are_finite_evidence() -> None:
    assert log_e_value([0.1] * 4) == pytest.approx(1.5 * math.log(17))
    low, high = confidence_sequence([0.5] * 4, alpha=0.05)
    assert low == high == 0.5


@pytest.mark.parametrize("n", [1, 2, 3, 4, 10, 50])
@pytest.mark.parametrize("g", [1.0, 4.0])
def test_the_most_evidence_is_that_of_no_spread(n: int, g: float) -> None:
    most, wobble = largest_log_e_value(n, g=g), np.linspace(-1, 1, n)
    assert log_e_value([0.3] * n, g=g) == pytest.approx(most)
    assert log_e_value(0.3 + 1e-9 * wobble, g=g) == pytest.approx(most)
    for spread in (1e-3, 0.1, 1.0) if n > 1 else ():
        assert log_e_value(0.3 + spread * wobble, g=g) < most


@settings(deadline=None, max_examples=60, database=None)
@given(st.floats(1e-6, 0.5))
def test_fewer_differences_have_no_interval(alpha: float) -> None:
    enough = fewest_to_settle(alpha)
    assert math.isfinite(half_width(enough, 0.1, alpha=alpha))
    assert math.isinf(half_width(enough - 1, 0.1, alpha=alpha))


@settings(deadline=None, max_examples=50, database=None)
@given(samples, st.floats(0.01, 100))
def test_the_scale_does_not_matter(d: list[float], scale: float) -> None:
    assert log_e_value(np.array(d) * scale) == pytest.approx(log_e_value(d), abs=1e-6)


@settings(deadline=None, max_examples=40, database=None)
@given(samples, st.sampled_from([0.2, 0.05, 0.01]), st.sampled_from([1.0, 4.0]))
def test_the_interval_is_where_the_process_stays_below(
    d: list[float], alpha: float, g: float
) -> None:
    x = np.array(d)
    low, high = confidence_sequence(x, alpha=alpha, g=g)
    threshold = math.log(1 / alpha)

    def excess(mean: float) -> float:
        return log_e_value(x - mean, g=g) - threshold

    far = x.mean() + 1e6 * x.std()
    if math.isinf(high):
        assert low == -math.inf
        assert excess(far) < 0
    else:
        root = optimize.brentq(excess, x.mean(), far, xtol=1e-12)
        assert high == pytest.approx(root, rel=1e-6, abs=1e-6)
        assert x.mean() - low == pytest.approx(high - x.mean(), abs=1e-9)


@pytest.mark.parametrize(("n", "bounded"), [(1, False), (2, False), (3, False), (4, True)])
def test_four_seeds_are_needed(n: int, bounded: bool) -> None:
    assert math.isfinite(half_width(n, 1.0, alpha=0.05)) is bounded


def test_a_narrower_prior_decides_later() -> None:
    assert (fewest_to_settle(0.05), fewest_to_settle(0.05, g=1.0)) == (4, 5)


def test_more_seeds_narrow_it() -> None:
    widths = [half_width(n, 1.0, alpha=0.025) for n in range(4, 60)]
    assert all(b < a for a, b in itertools.pairwise(widths))


def test_a_large_effect_is_found_in_few_seeds() -> None:
    """On average 4 to 5 seeds at five standard deviations, 6 to 7 at two, 13 to 14 at one."""
    rng = np.random.default_rng(2)
    for effect, low, high in ((5.0, 4, 5), (2.0, 6, 7), (1.0, 13, 14.2)):
        d = rng.normal(effect, 1, size=(1000, 60))
        stopped = np.full(1000, 60)
        for n in range(60, 1, -1):
            mean, sd = d[:, :n].mean(1), d[:, :n].std(1, ddof=1)
            stopped[np.abs(mean) > half_width(n, 1.0, alpha=0.05) * sd] = n
        assert low <= stopped.mean() <= high


def test_the_evidence_does_not_depend_on_the_unit():
    d = np.array([0.1, 0.12, 0.07, 0.11])
    for unit in (1e-200, 1e-3, 1e200):
        assert log_e_value(d * unit) == pytest.approx(log_e_value(d))
