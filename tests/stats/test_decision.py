"""The decision against its own definition, and that what it calls settled stays so."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lab.stats.decision import decide, reach
from lab.stats.sequential import confidence_sequence

values = st.lists(st.floats(-1, 1), min_size=2, max_size=12).filter(lambda x: np.std(x) > 1e-6)


@given(values, st.floats(0, 0.5), st.none() | st.floats(0.01, 1), st.booleans())
def test_the_interval_gives_the_verdict(d, tau, margin, anytime):
    found = decide(d, alpha=0.05, margin=margin, tau=tau, anytime=anytime)
    low, high = found.mean - found.half - tau, found.mean + found.half + tau
    if margin is not None and -margin <= low and high <= margin:
        assert found.kind == "equivalent"
        assert found.small == (low > 0 or high < 0)
    elif low > 0 or high < 0:
        assert found.kind == "decided"
    else:
        assert found.kind == "undecided"


def test_the_interval_is_the_sequence_or_students():
    d = [0.1, 0.12, 0.07, 0.11, 0.09]
    found = decide(d, alpha=0.05)
    assert (found.mean - found.half, found.mean + found.half) == pytest.approx(
        confidence_sequence(d, alpha=0.05)
    )
    fixed = decide(d, alpha=0.05, anytime=False)
    low, high = stats.t.interval(0.95, 4, np.mean(d), stats.sem(d))
    assert (fixed.mean - fixed.half, fixed.mean + fixed.half) == pytest.approx((low, high))
    assert reach(d, alpha=0.05)(5) == found.half
    assert reach(d, alpha=0.05)(20) < found.half


def test_one_seed_bounds_nothing():
    assert decide([0.3], alpha=0.05, margin=10).half == math.inf
    assert decide([0.3], alpha=0.05, margin=10).kind == "undecided"


def test_where_tuning_hides_all_that_is_left_more_seeds_are_futile():
    d = [0.010, 0.012, 0.008, 0.011, 0.009, 0.010]
    assert decide(d, alpha=0.05, tau=0.05).futile
    assert decide(d, alpha=0.05, tau=0.05).settled
    assert not decide(d, alpha=0.05, tau=0.011).futile  # 0.0105 ± 0.002 may yet be more than it
    assert not decide(d, alpha=0.05, tau=0.05, margin=0.2).futile  # it is equivalent
    assert not decide([0.1, -0.1, 0.05], alpha=0.05, tau=0.05).futile


def test_where_tau_is_not_known_seeds_settle_nothing_once_they_bound_anything():
    d = [0.010, 0.012, 0.008, 0.011, 0.009, 0.010]
    found = decide(d, alpha=0.05, tau=math.inf)
    assert (found.kind, found.differs_here, found.futile) == ("undecided", True, True)
    assert decide([0.01, -0.02, 0.005, 0.01], alpha=0.05, tau=math.inf, margin=1).settled
    assert not decide([0.01, -0.02], alpha=0.05, tau=math.inf).settled


@given(st.floats(0.02, 0.2), st.floats(0.02, 0.2), st.integers(0, 50))
def test_what_is_futile_is_not_settled_by_any_number_of_such_seeds(mean, tau, rng):
    d = mean + 0.01 * np.random.default_rng(rng).standard_normal(12)
    found = decide(d, alpha=0.05, tau=tau)
    if found.futile:
        many = np.tile(d, 200)
        assert decide(many, alpha=0.05, tau=tau).kind == "undecided"
