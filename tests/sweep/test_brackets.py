"""Hyperband's brackets: in the paper's proportion at every moment."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.pruners import Hyperband, MedianPruner, SuccessiveHalving
from lab.sweep.brackets import bracket, rungs_of


def brackets(eta: int, n_rungs: int, count: int) -> list[int]:
    found = [bracket(Hyperband(eta=eta), n_rungs, number) for number in range(count)]
    assert None not in found
    return [b for b in found if b is not None]


def test_the_paper_s_example() -> None:
    """Li et al. 2018, table 1: eta 3 and five brackets begin with 81, 34, 15, 8 and 5 trials."""
    dealt = brackets(3, 4, 143)
    assert [dealt.count(b) for b in range(5)] == [81, 34, 15, 8, 5]


@settings(deadline=None, max_examples=60, database=None)
@given(eta=st.integers(2, 5), n_rungs=st.integers(0, 5), count=st.integers(1, 300))
def test_every_prefix_is_in_proportion(eta: int, n_rungs: int, count: int) -> None:
    weights = [
        math.ceil(eta ** (n_rungs - b) * (n_rungs + 1) / (n_rungs - b + 1))
        for b in range(n_rungs + 1)
    ]
    dealt = brackets(eta, n_rungs, count)
    assert dealt[0] == 0
    for n in range(1, count + 1):
        for b, weight in enumerate(weights):
            assert abs(dealt[:n].count(b) - n * weight / sum(weights)) < 1.25


def test_more_trials_keep_the_brackets_of_the_first() -> None:
    assert brackets(3, 3, 200)[:50] == brackets(3, 3, 50)
    assert bracket(Hyperband(), 3, 10_000) in range(4)


@pytest.mark.parametrize("pruner", [None, MedianPruner(), SuccessiveHalving()])
def test_other_pruners_have_none(pruner: MedianPruner | SuccessiveHalving | None) -> None:
    assert bracket(pruner, 3, 0) is None


def test_a_bracket_begins_at_its_rung_and_the_last_has_none() -> None:
    rungs = [10, 30, 90]
    assert [rungs_of(b, rungs) for b in range(4)] == [rungs, [30, 90], [90], []]
    assert rungs_of(None, rungs) == rungs
