"""What is not shown is said with this question's own numbers, and only where it holds."""

import math
from dataclasses import replace

import pytest

from lab.report.collect import open_sweep
from lab.report.judging.limits import limits


def said(folder, *, exploratory=False):
    sweep = open_sweep(folder)
    return limits(sweep.question, sweep.runs(), sweep.verdicts(), exploratory=exploratory)


@pytest.fixture
def plain(plain_sweep):
    return said(plain_sweep)


def test_how_small_it_was_is_said_in_numbers(plain, plain_sweep):
    runs = open_sweep(plain_sweep).runs()
    done = runs[(runs["phase"] == "confirm") & (runs["status"] == "complete")]
    ratio = (done["tokens"] / done["n_params"]).mean()
    assert "the corpus python-docs" in plain[0]
    assert f"{ratio:.2g} tokens a parameter" in plain[0]
    assert "Hoffmann et al. 2022" in plain[0]


def test_what_was_tuned_is_named(plain, make_sweep, asking):
    assert any(
        "were train.optimizer.lr only" in s or "was train.optimizer.lr only" in s for s in plain
    )
    untuned = said(make_sweep(asked=asking(tune=None), name="untuned"))
    assert any(s.startswith("No setting was tuned for each variant") for s in untuned)
    assert not any("τ" in s for s in untuned)


def test_the_error_rate_is_that_of_the_plan(plain, make_sweep, asking):
    assert any("5 %, is for both comparisons of this question together, if" in s for s in plain)
    confirm = {"max_seeds": 4, "alpha": 0.1, "margin": None}
    variants = {"learned": {}, "rope": {"model.position": {"kind": "rope"}}}
    one = said(make_sweep(asked=asking(confirm=confirm, variants=variants), name="one"))
    assert any("10 %, is for the one comparison of this question, if" in s for s in one)
    assert any("gives no margin" in s for s in one)
    assert any("No twin control" in s for s in one)


def test_three_comparisons_are_counted(make_sweep, asking):
    found = said(make_sweep(asked=asking(compare="all"), name="three"))
    assert any("is for all 3 comparisons of this question together, if" in s for s in found)


WITHIN = "the difference may be anything within the interval"
HERE = "the interval holds at these settings only"
UNBOUNDED = "the seeds do not bound the difference yet"


@pytest.mark.parametrize(
    ("changes", "meant"),
    [
        ({}, WITHIN),
        ({"tau": None}, HERE),
        ({"low": -math.inf, "high": math.inf}, UNBOUNDED),
        ({"low": -math.inf, "high": math.inf, "tau": None}, UNBOUNDED),
    ],
)
def test_undecided_promises_no_more_than_its_interval(plain_sweep, changes, meant):
    sweep = open_sweep(plain_sweep)
    known = replace(sweep.verdicts()[0], kind="undecided", low=-0.1, high=0.2, tau=0.01)
    verdicts = [replace(known, **changes), replace(sweep.verdicts()[1], kind="decided")]
    found = limits(sweep.question, sweep.runs(), verdicts, exploratory=False)
    assert [s for s in found if "Undecided" in s] == [f"Undecided is not equal: {meant}."]


def test_what_is_undecided_in_different_ways_is_named(plain_sweep):
    sweep = open_sweep(plain_sweep)
    one, two = (replace(v, kind="undecided", low=-0.1, high=0.2) for v in sweep.verdicts())
    found = limits(
        sweep.question,
        sweep.runs(),
        [replace(one, tau=0.01), replace(two, tau=None)],
        exploratory=False,
    )
    assert f"Undecided is not equal: of {one.name}, {WITHIN}; of {two.name}, {HERE}." in found


def test_exploratory_is_said_only_where_it_is(plain, plain_sweep):
    assert not any("exploratory" in s for s in plain)
    assert any("exploratory" in s for s in said(plain_sweep, exploratory=True))


def test_without_confirmation_nothing_is_claimed(make_sweep, asking):
    found = said(make_sweep(asked=asking(confirm=None), name="unconfirmed"))
    assert found[-1] == "Nothing was confirmed with fresh seeds, so no difference is claimed."
