"""Seeds needed, against the table of METHODS and against simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from lab.stats.paired import t_half_width
from lab.stats.power import paired_t_power, pairs_needed, pairs_to_settle


@pytest.mark.parametrize(("effect", "n"), [(0.5, 34), (1, 10), (2, 5), (3, 4), (-1, 10)])
def test_seeds_for_eighty_percent(effect: float, n: int) -> None:
    assert pairs_needed(effect) == n


@pytest.mark.parametrize(("n", "effect"), [(5, 0.0), (4, 1.0), (10, 1.0), (30, 0.3), (4, 20.0)])
def test_power_against_scipy(n: int, effect: float) -> None:
    critical = stats.t.ppf(0.975, n - 1)
    x = np.linspace(-critical, critical, 20_001)
    inside = np.trapezoid(stats.nct.pdf(x, n - 1, effect * math.sqrt(n)), x)
    assert paired_t_power(n, effect) == pytest.approx(1 - inside, abs=1e-6)


def test_power_by_simulation() -> None:
    d = np.random.default_rng(0).normal(1, 1, size=(20_000, 10))
    found = stats.ttest_1samp(d, 0, axis=1).pvalue < 0.05
    assert paired_t_power(10, 1.0) == pytest.approx(found.mean(), abs=0.01)


def test_no_effect_is_never_found() -> None:
    with pytest.raises(ValueError, match="infinitely many"):
        pairs_needed(0.0)


def width(n: int) -> float:
    return 1 / n


def test_pairs_until_zero_is_left_out() -> None:
    assert pairs_to_settle(0.1, width, beyond=3) == 11  # 1/11 < 0.1
    assert pairs_to_settle(-0.1, width, beyond=30) == 31
    assert pairs_to_settle(0.1, width, beyond=3, widening=0.05) == 21


def test_pairs_until_the_margin_holds_all() -> None:
    assert pairs_to_settle(0.0, width, beyond=3, margin=0.1) == 10
    assert pairs_to_settle(0.05, width, beyond=3, margin=0.1) == 20  # before 21 decide it


def test_what_cannot_be_settled() -> None:
    assert pairs_to_settle(0.1, width, beyond=3, widening=0.1, limit=500) is None
    assert pairs_to_settle(0.1, width, beyond=3, widening=math.inf, limit=500) is None


def test_it_agrees_with_looking() -> None:
    sd, mean = 1.0, 0.7
    n = pairs_to_settle(mean, lambda n: t_half_width(n, sd, alpha=0.05), beyond=2)
    assert n is not None
    assert t_half_width(n, sd, alpha=0.05) < mean <= t_half_width(n - 1, sd, alpha=0.05)
