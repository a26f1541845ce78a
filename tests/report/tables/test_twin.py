"""The control's table: what it says of a twin like its reference, and of one that is not."""

import pytest

from lab.report.collect import open_sweep
from lab.report.tables.twin import twin
from tests.report.judged import changed


def told(sweep):
    return twin(sweep.question, sweep.controls(), sweep.runs(), sweep.timing())


def test_a_twin_that_differs_by_chance_is_fine(plain_sweep):
    sweep = open_sweep(plain_sweep)
    (shown,) = told(sweep).plain()
    runs = sweep.runs().set_index("variant")["test/loss"]
    difference = runs["learned-twin"].mean() - runs["learned"].dropna().mean()
    assert (shown["Twin"], shown["Of"], shown["Control"]) == ("learned-twin", "learned", "fine")
    assert shown["Difference"] == pytest.approx(difference)
    assert shown["Seeds"] == 4
    assert "one at 95 %" in told(sweep).note  # alone, whatever is compared beside it
    assert "one twin in 20" in told(sweep).note


def test_a_twin_that_differs_by_more_is_flagged(make_sweep):
    def worse(variant, result, path):
        if variant == "learned-twin":
            result["metrics"]["test/loss"] += 0.3

    sweep = open_sweep(changed(make_sweep(run_sd=0.003), worse))
    (shown,) = told(sweep).plain()
    assert shown["Control"] == "flagged"
    assert shown["Interval from"] > 0


def test_what_two_seeds_cannot_bound_is_not_known_yet(make_sweep):
    (shown,) = told(open_sweep(make_sweep(seeds={"learned": 2}))).plain()
    assert shown["Control"] == "not known yet"


def test_without_a_twin_there_is_no_table(make_sweep, asking):
    confirm = {"min_seeds": 4, "max_seeds": 8, "twin": False}
    assert told(open_sweep(make_sweep(asked=asking(confirm=confirm)))) is None
