"""The sign over several scales, case by case."""

import math

import pytest

from lab.stats.signs import signs

BELOW, ABOVE, EITHER = (-2.0, -0.5), (0.1, 0.4), (-0.2, 0.3)


@pytest.mark.parametrize(
    ("intervals", "kind"),
    [
        ([BELOW, BELOW], "holds"),
        ([ABOVE, ABOVE, ABOVE], "holds"),
        ([BELOW, EITHER], "open"),
        ([BELOW, ABOVE], "changes"),
        ([ABOVE, EITHER, BELOW], "changes"),
        ([EITHER], "open"),
        ([(0.0, 1.0), ABOVE], "open"),
        ([(-math.inf, math.inf), BELOW], "open"),
        ([(-math.inf, -0.1), BELOW], "holds"),
        ([(math.nan, math.nan), BELOW], "open"),
        ([], "open"),
    ],
)
def test_kinds(intervals: list[tuple[float, float]], kind: str) -> None:
    assert signs(dict(zip("abc", intervals, strict=False))).kind == kind


def test_every_place_is_told_once_and_in_order() -> None:
    found = signs({"small": ABOVE, "medium": EITHER, "large": BELOW, "huge": EITHER})
    assert (found.above, found.below, found.open) == (("small",), ("large",), ("medium", "huge"))
