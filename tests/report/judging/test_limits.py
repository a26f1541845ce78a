"""What is not shown is said with this question's own numbers, and only where it holds."""

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
    assert any("5 %, is for all 2 comparisons" in s for s in plain)
    confirm = {"max_seeds": 4, "alpha": 0.1, "margin": None}
    variants = {"learned": {}, "rope": {"model.position": {"kind": "rope"}}}
    one = said(make_sweep(asked=asking(confirm=confirm, variants=variants), name="one"))
    assert any("10 %, is for 1 comparison of" in s for s in one)
    assert any("gives no margin" in s for s in one)
    assert any("No twin control" in s for s in one)


def test_exploratory_is_said_only_where_it_is(plain, plain_sweep):
    assert not any("exploratory" in s for s in plain)
    assert any("exploratory" in s for s in said(plain_sweep, exploratory=True))


def test_without_confirmation_nothing_is_claimed(make_sweep, asking):
    found = said(make_sweep(asked=asking(confirm=None), name="unconfirmed"))
    assert found[-1] == "Nothing was confirmed with fresh seeds, so no difference is claimed."
