"""Quartiles against numpy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.bench.spread import Spread, ratios, spread

SECONDS = st.floats(1e-6, 1e3)


@given(st.lists(SECONDS, min_size=1, max_size=30))
def test_quartiles_are_numpys(values: list[float]) -> None:
    found = spread(values)
    expected = np.quantile(values, [0.25, 0.5, 0.75])
    assert [found.lower, found.median, found.upper] == pytest.approx(expected.tolist())


@given(st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=30))
def test_ratios_are_taken_round_by_round(pairs: list[tuple[float, float]]) -> None:
    ours, theirs = map(list, zip(*pairs, strict=True))
    expected = np.quantile(np.array(ours) / np.array(theirs), [0.25, 0.5, 0.75])
    found = ratios(ours, theirs)
    assert [found.lower, found.median, found.upper] == pytest.approx(expected.tolist())


def test_what_a_round_has_in_common_cancels() -> None:
    """A machine that was ten times slower in one round."""
    assert ratios([1.0, 10.0, 2.0], [2.0, 20.0, 4.0]) == Spread(median=0.5, lower=0.5, upper=0.5)


def test_rounds_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("other", "is_apart"), [((2.1, 3), True), ((2, 3), False), ((0, 0.9), True), ((0, 9), False)]
)
def test_two_spreads_are_apart_where_they_share_nothing(
    other: tuple[float, float], is_apart: bool
) -> None:
    ours = Spread(median=1.5, lower=1, upper=2)
    theirs = Spread(median=1.5, lower=other[0], upper=other[1])
    assert ours.apart_from(theirs) is theirs.apart_from(ours) is is_apart
