"""A config is never changed, not even through what it shares with another."""

import pytest
from pydantic import ValidationError

from lab.config.base import get, put
from lab.config.run import RunConfig
from lab.config.sweep import SweepConfig
from tests.config.asked import BASE, LR, RATE, ROPE, THETA


def test_a_fragment_is_not_changed_by_a_setting_inside_it() -> None:
    raw = {
        "question": "q?",
        "base": BASE,
        "variants": {"rope": ROPE, "more": {**ROPE, "model.bias": True}},
        "tune": {"trials": 3, "space": {LR: RATE, THETA: {"low": 100, "high": 1000}}},
    }
    question = SweepConfig.parse(raw)
    before = question.dump()
    assert question.variant("rope", {THETA: 500.0}).model.position.dump()["theta"] == 500
    assert question.dump() == before
    assert question.variant("rope").model.position.dump()["theta"] == 10_000


def test_put_takes_a_key_with_dots_whole() -> None:
    raw = {"a.b": {"c": 1}, "d": {"e": 2}}
    put(raw, "a.b.c", 3)
    put(raw, "d.f.g", 4)
    put(raw, "a.b", 5)
    assert raw == {"a.b": 5, "d": {"e": 2, "f": {"g": 4}}}
    assert get(raw, "d.f.g") == 4
    assert get(raw, "d.e.x") is None


def test_under_another_kind_defaults_are_those_of_that_kind() -> None:
    """The GELU's approximation stands in every dump, but no user has written it."""
    run = RunConfig.parse(BASE)
    swiglu = run.replaced({"model.mlp.kind": "swiglu"})
    assert swiglu.model.mlp.dump() == {"kind": "swiglu", "d_ff": None}
    assert swiglu.replaced({"model.mlp.kind": "gelu"}) == run
    wide = run.replaced({"model.mlp.d_ff": 99}).replaced({"model.mlp.kind": "relu2"})
    assert wide.model.mlp.dump() == {"kind": "relu2", "d_ff": 99}


def test_what_was_chosen_under_another_kind_must_fit_the_new_one() -> None:
    run = RunConfig.parse(BASE).replaced({"model.mlp.approximate": "tanh"})
    assert run.replaced({"model.mlp.kind": "geglu"}).model.mlp.dump()["approximate"] == "tanh"
    with pytest.raises(ValidationError, match=r"relu\.approximate"):
        run.replaced({"model.mlp.kind": "relu"})
    whole = {"kind": "rope", "scaling": {"kind": "linear", "factor": 2.0}}
    rope = RunConfig.parse(BASE).replaced({"model.position": whole})
    assert rope.replaced({"model.position.scaling.kind": "ntk"}).model.position.dump() == {
        **rope.model.position.dump(),
        "scaling": {"kind": "ntk", "factor": 2.0},
    }
    with pytest.raises(ValidationError, match=r"none\.factor"):
        rope.replaced({"model.position.scaling.kind": "none"})


def test_what_is_replaced_shares_what_stays() -> None:
    run = RunConfig.parse(BASE)
    other = run.replaced({"train.optimizer.lr": 0.5, "seed": 3})
    assert other == RunConfig.parse(other.dump())
    assert other.model is run.model
    assert other.train is not run.train
    assert other.train.schedule is run.train.schedule
