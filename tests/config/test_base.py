"""A config is never changed, not even through what it shares with another."""

from lab.config.base import get, put
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
