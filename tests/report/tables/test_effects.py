"""Effects of factors, against contrasts taken by hand from the losses that were planted."""

import numpy as np
import pytest

from lab.report.collect import open_sweep
from lab.report.tables.compared import comparisons
from lab.report.tables.effects import effects

FACTORS = {
    "position": {"learned": {}, "rope": {"model.position": {"kind": "rope"}}},
    "norm": {"layernorm": {}, "rmsnorm": {"model.norm": {"kind": "rmsnorm"}}},
}
LOSS = {
    "learned+layernorm": 2.10,
    "learned+rmsnorm": 2.06,
    "rope+layernorm": 1.90,
    "rope+rmsnorm": 1.80,
}


@pytest.fixture
def sweep(make_sweep, asking):
    asked = asking(factors=FACTORS, variants={"base": {}}, baseline=None, tune=None)
    return open_sweep(make_sweep(asked=asked, loss=LOSS))


def told(sweep):
    return effects(sweep.question, sweep.verdicts(), sweep.runs(), sweep.timing())


def means(sweep):
    runs = sweep.runs()
    done = runs[(runs["phase"] == "confirm") & runs["variant"].isin(list(LOSS))]
    return done.groupby("variant")["test/loss"].mean()


def test_effects_are_contrasts_of_means(sweep):
    m = means(sweep)
    a, b, c, d = (m[name] for name in LOSS)
    frame = told(sweep).frame.set_index("Effect")
    expected = {
        "position: rope − learned": (c + d) / 2 - (a + b) / 2,
        "norm: rmsnorm − layernorm": (b + d) / 2 - (a + c) / 2,
        "position × norm: rope × rmsnorm": (d - b) - (c - a),
    }
    assert list(frame.index) == list(expected)
    assert frame["Difference"].to_numpy() == pytest.approx(np.array([*expected.values()]))
    assert list(frame["Kind"]) == ["main effect", "main effect", "interaction"]
    assert (frame["Runs spent"] == 16).all()


def test_effects_stand_in_no_table_of_pairs(sweep):
    verdicts, runs, timing = sweep.verdicts(), sweep.runs(), sweep.timing()
    assert comparisons(sweep.question, verdicts, runs, timing) is None
    assert "3 comparisons" in told(sweep).note


def test_variants_have_no_effects(plain_sweep):
    assert told(open_sweep(plain_sweep)) is None
