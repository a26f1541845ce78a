"""The fixed-n tests against scipy and against counting by hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lab.stats import paired

quick = settings(deadline=None, max_examples=40, database=None)
values = st.lists(st.integers(-20, 20).map(lambda x: x / 8), min_size=2, max_size=8)


@quick
@given(values.filter(lambda x: np.std(x) > 0), st.sampled_from([0.05, 0.025, 0.2]))
def test_the_interval_is_students(d: list[float], alpha: float) -> None:
    expected = stats.ttest_1samp(d, 0).confidence_interval(1 - alpha)
    assert paired.t_interval(d, alpha=alpha) == pytest.approx(tuple(expected))


def test_no_interval_from_one_value() -> None:
    assert paired.t_interval([1.0], alpha=0.05) == (-math.inf, math.inf)
    assert paired.t_half_width(1, 1.0, alpha=0.05) == math.inf


@quick
@given(values)
def test_sign_flips_are_counted_exactly(d: list[float]) -> None:
    sums = [
        abs(sum(s * x for s, x in zip(signs, d, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(d))
    ]
    expected = sum(s >= abs(sum(d)) for s in sums) / len(sums)  # eighths add without rounding
    assert paired.sign_flip_p(d) == pytest.approx(expected)


def test_sign_flips_agree_with_scipy() -> None:
    d = np.random.default_rng(0).normal(0.4, 1, 11)
    expected = stats.permutation_test(
        (d,), np.mean, permutation_type="samples", n_resamples=np.inf
    ).pvalue
    assert paired.sign_flip_p(d) == pytest.approx(expected)


def test_six_differences_are_needed_below_five_percent() -> None:
    assert paired.sign_flip_p([1.0] * 5) == 2 / 2**5
    assert paired.sign_flip_p([1.0] * 6) == 2 / 2**6


def test_rounding_does_not_break_ties() -> None:
    assert paired.sign_flip_p([0.1, 0.2, 0.3]) == 0.25
    assert paired.sign_flip_p([0.1 + 0.2, -0.3]) == 1.0


def test_many_differences_are_sampled() -> None:
    d = np.random.default_rng(3).normal(0.35, 1, 24)
    approximate = paired.sign_flip_p(d, rng=np.random.default_rng(0))
    assert approximate == pytest.approx(stats.ttest_1samp(d, 0).pvalue, abs=0.02)
    assert approximate == paired.sign_flip_p(d, rng=np.random.default_rng(0))
    assert paired.sign_flip_p(np.ones(40), rng=np.random.default_rng(0), draws=999) == 1 / 1000
    with pytest.raises(ValueError, match="24 differences"):
        paired.sign_flip_p(d)


def test_no_differences_are_no_evidence() -> None:
    assert paired.sign_flip_p([]) == 1.0


@quick
@given(st.integers(0, 12), st.integers(0, 12))
def test_the_sign_test_is_binomial(wins: int, losses: int) -> None:
    expected = stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert paired.sign_test_p(wins, losses) == pytest.approx(expected)


def test_holm_by_hand() -> None:
    adjusted = paired.holm([0.04, 0.01, 0.03, 0.5])
    assert adjusted == pytest.approx([0.09, 0.04, 0.09, 0.5])
    assert paired.holm([0.6, 0.7]) == pytest.approx([1.0, 1.0])
    assert paired.holm([]).size == 0


@quick
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_lies_between_the_plain_p_and_bonferroni(p: list[float]) -> None:
    adjusted = paired.holm(p)
    assert np.all(adjusted >= p)
    assert np.all(adjusted <= np.minimum(np.array(p) * len(p), 1) + 1e-12)


def test_effect_size() -> None:
    assert paired.d_z([1.0, 2.0, 3.0]) == 2.0
    assert paired.d_z([-1.0, -1.0]) == -math.inf
    assert math.isnan(paired.d_z([0.0, 0.0]))
    assert math.isnan(paired.d_z([1.0]))


def test_probability_that_one_is_lower() -> None:
    assert paired.p_lower([1, 2, 3, 4], [2, 2, 2, 5]) == (2 + 0.5) / 4
    assert math.isnan(paired.p_lower([], []))
    with pytest.raises(ValueError, match="3 values cannot be paired with 2"):
        paired.p_lower([1, 2, 3], [1, 2])


@quick
@given(st.integers(0, 2**31), st.integers(2, 9))
def test_correlation_is_pearsons(seed: int, n: int) -> None:
    a, b = np.random.default_rng(seed).normal(size=(2, n))
    assert paired.correlation(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1])


def test_correlation_of_nothing() -> None:
    assert math.isnan(paired.correlation([1, 2], [3, 3]))
    assert math.isnan(paired.correlation([1], [3]))


def test_noise_floor() -> None:
    assert paired.noise_floor([1.0, 3.0]) == pytest.approx(math.sqrt(2))
    assert math.isnan(paired.noise_floor([1.0]))
