"""The end of what was searched."""

import pytest

from lab.config.space import Choices, Range
from lab.report.judging.edges import edges


@pytest.mark.parametrize(
    ("entry", "inside", "outside"),
    [
        (Range(low=1e-3, high=1e-1, log=True), [0.01, 0.003], [0.001, 0.0012, 0.099]),
        (Range(low=0, high=1), [0.5, 0.11], [0.0, 0.09, 0.95]),
        (Range(low=1, high=4, integer=True), [2, 3], [1, 4]),
        (Choices.parse({"choices": [8, 16, 32]}), [16], [8, 32]),
        (Choices.parse({"choices": [8, 16]}), [8, 16], []),
        (Choices.parse({"choices": [True, False, None]}), [True, False, None], []),
        (Choices.parse({"choices": [1, 2, 3, "auto"]}), [1, "auto"], []),
        (Choices.parse({"choices": {name: {"x": name} for name in "abc"}}), ["a", "c"], []),
    ],
)
def test_numbers_have_edges(entry, inside, outside):
    assert not any(edges({"x": entry}, {"x": value}) for value in inside)
    assert all(edges({"x": entry}, {"x": value}) == ("x",) for value in outside)
