"""The band against Kolmogorov's law, against one value, and against chance."""

import numpy as np
import pytest
from scipy import stats

from lab.stats.bands import chance_within, order_band


@pytest.mark.parametrize("n", [1, 2, 5, 10, 50, 130])
@pytest.mark.parametrize("width", [0.1, 0.15, 0.3, 0.6])
def test_kolmogorovs_law(n: int, width: float) -> None:
    i = np.arange(1, n + 1)
    within = chance_within(i / n - width, (i - 1) / n + width)
    assert within == pytest.approx(stats.kstwo.cdf(width, n), rel=1e-8, abs=1e-14)


def test_of_one_value() -> None:
    assert chance_within([0.2], [0.7]) == pytest.approx(0.5)
    low, high = order_band(1, alpha=0.1)
    assert (low[0], high[0]) == pytest.approx((0.05, 0.95))


@pytest.mark.parametrize(("low", "chance"), [([0.7], 0.0), ([0.0], 0.6)])
def test_what_cannot_be(low: list[float], chance: float) -> None:
    assert chance_within(low, [0.6]) == pytest.approx(chance)


@pytest.mark.parametrize("n", [2, 6, 10, 40])
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_it_holds_all_at_once_as_often_as_it_says(n: int, alpha: float) -> None:
    low, high = order_band(n, alpha=alpha)
    uniform = np.sort(np.random.default_rng(n).random((20_000, n)), axis=1)
    within = ((low <= uniform) & (uniform <= high)).all(axis=1).mean()
    assert within == pytest.approx(1 - alpha, abs=4 * np.sqrt(alpha * (1 - alpha) / 20_000))


@pytest.mark.parametrize("n", [3, 12])
def test_each_interval_leaves_out_the_same_share(n: int) -> None:
    low, high = order_band(n, alpha=0.05)
    rank = np.arange(1, n + 1)
    below = stats.beta.cdf(low, rank, n + 1 - rank)
    above = stats.beta.sf(high, rank, n + 1 - rank)
    assert below == pytest.approx(np.full(n, below[0]), rel=1e-6)
    assert above == pytest.approx(below, rel=1e-6)
    assert 0.05 / n < 2 * below[0] < 0.05  # wider than one interval's, narrower than Bonferroni's


def test_a_large_sample_too() -> None:
    low, high = order_band(1000, alpha=0.05)
    assert chance_within(low, high) == pytest.approx(0.95, abs=1e-6)
    assert high[0] < stats.kstwo.ppf(0.95, 1000)  # narrower than Kolmogorov's in the tail


def test_nothing_has_no_band() -> None:
    with pytest.raises(ValueError, match="no band from 0 values"):
        order_band(0, alpha=0.05)
