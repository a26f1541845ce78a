"""The budget curve against all subsets, against the truth of known distributions, by hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lab.stats.budget import budget_curve, expected_best

quick = settings(deadline=None, max_examples=40, database=None)
some_losses = st.lists(st.integers(0, 40).map(lambda x: x / 8), min_size=1, max_size=8)


@quick
@given(some_losses)
def test_the_mean_is_over_all_subsets(losses: list[float]) -> None:
    expected = [
        np.mean([min(subset) for subset in itertools.combinations(losses, n)])
        for n in range(1, len(losses) + 1)
    ]
    assert expected_best(losses) == pytest.approx(expected)


def test_the_mean_is_unbiased() -> None:
    """Of n exponential losses the least is 1/n on average."""
    samples = np.random.default_rng(0).exponential(size=(4000, 8))
    mean = np.mean([expected_best(losses) for losses in samples], axis=0)
    assert mean == pytest.approx(1 / np.arange(1, 9), rel=0.08)


def test_many_trials_by_their_closed_form() -> None:
    """Of n among the ranks 1 to N the least is (N + 1)/(n + 1) on average."""
    total = 2000
    n = np.arange(1, total + 1)
    assert expected_best(n[::-1]) == pytest.approx((total + 1) / (n + 1))


def test_the_best_of_ten_looks_better_than_it_is() -> None:
    """By 1.5 standard deviations (METHODS), if losses are normal and all settings equally good."""
    losses = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    expected = 10 * stats.norm.expect(lambda z: z * stats.norm.sf(z) ** 9)
    assert expected == pytest.approx(-1.539, abs=1e-3)
    assert expected_best(losses)[9] == pytest.approx(expected, abs=0.01)


@quick
@given(some_losses)
def test_more_trials_do_no_harm(losses: list[float]) -> None:
    curve = budget_curve(losses)
    assert curve.n.tolist() == list(range(1, len(losses) + 1))
    for line in (curve.expected, curve.median, curve.low, curve.high):
        with np.errstate(invalid="ignore"):  # inf - inf
            assert not np.any(np.diff(line) > 1e-12)
    assert np.all((curve.low <= curve.median) & (curve.median <= curve.high))
    assert curve.expected[-1] == min(losses)


LAWS = {
    "normal": stats.norm(2.5, 0.1),
    "exponential": stats.expon(1.6, 0.3),
    "a few explode": stats.lognorm(1.5, 2.0),
}


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_the_band_holds_the_whole_curve(law: stats.rv_continuous) -> None:
    n, sweeps = 10, 1000
    samples = law.rvs(size=(sweeps, n), random_state=np.random.default_rng(1))
    truth = law.ppf(1 - 0.5 ** (1 / np.arange(1, n + 1)))
    curves = [budget_curve(losses, alpha=0.1) for losses in samples]
    held = np.mean([np.all((c.low <= truth) & (truth <= c.high)) for c in curves])
    assert held >= 0.9
    assert held < 1  # and yet it can fail


def test_a_lost_trial_counts_as_the_worst() -> None:
    with_lost = budget_curve([2.0, math.nan, 3.0, math.inf, 9.0], initial=5.0)
    capped = budget_curve([2.0, 5.0, 3.0, 5.0, 5.0], initial=5.0)
    assert with_lost.expected == pytest.approx(capped.expected)
    assert with_lost.high.tolist() == capped.high.tolist()
    assert with_lost.expected[0] == pytest.approx(20 / 5)


def test_nothing_caps_a_loss_unless_told() -> None:
    curve = budget_curve([2.0, math.inf, 3.0])
    assert curve.expected.tolist() == pytest.approx([math.inf, (2 + 2 + 3) / 3, 2.0])
    assert not np.isnan(curve.high).any()
    assert budget_curve([math.nan] * 2).expected.tolist() == [math.inf] * 2


def test_what_few_trials_cannot_say() -> None:
    """Of six trials 58 % may lie below the best: the median of even one has no bound below."""
    curve = budget_curve([2.0, 2.1, 2.2, 2.3, 2.4, 2.5], initial=5.8)
    assert curve.low.tolist() == [-math.inf] * 6
    assert curve.high[0] == 5.8  # and 58 % may lie above the worst
    assert curve.high[-1] < 2.5
    known = budget_curve([2.0, 2.1, 2.2, 2.3, 2.4, 2.5], least=1.7)
    assert known.low.tolist() == [1.7] * 6


def test_without_trials() -> None:
    with pytest.raises(ValueError, match="0 values"):
        budget_curve([])
