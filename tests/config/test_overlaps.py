"""One place decides each setting: what overlaps, and what conditions keep apart."""

from typing import Any

import pytest

from lab.config.overlaps import both, both_set, clashes, conditions, context, settings_of
from lab.config.space import Choices, Range
from lab.config.tune import TuneConfig
from tests.config.asked import LEARNED, LR, RATE, ROPE, THETA


def space_of(**entries: Any) -> dict[str, Range | Choices]:
    return TuneConfig.parse({"trials": 1, "space": entries}).space


PAIRS = [
    (("a.b", 1), ("a.b", 2), True),
    (("a.b", {"c": 1}), ("a.b.c", 2), True),
    (("a.b", {"c": None}), ("a.b.c", 2), True),
    (("a.b", {"c": {"d": 1}}), ("a.b.c.d", 2), True),
    (("a.b", {"c": {"d": 1}}), ("a.b.c", {}), True),
    (("a.b", {"kind": "x"}), ("a.b.c", 2), False),
    (("a.b", {"c": {"d": 1}}), ("a.b.c.e", 2), False),
    (("a.b", 1), ("a.bc", 2), False),
    (("a.b", {}), ("a", {}), False),
    (("a.b", 3), ("a.b.c", 2), False),
]


@pytest.mark.parametrize(("one", "other", "expected"), PAIRS)
def test_what_is_set_twice(one: tuple[str, Any], other: tuple[str, Any], expected: bool) -> None:
    assert both_set(*one, *other) == both_set(*other, *one) == expected


def test_conditions_of_parents_are_conditions_too() -> None:
    space = space_of(
        a={"choices": [1, 2, 3]},
        b={"choices": ["x", "y"], "when": {"a": [1, 2]}},
        c={"choices": [True], "when": {"b": ["y"], "a": [2, 3]}},
        d={"choices": {"p": {}, "q": {}}, "when": {"b": ["x"]}},
    )
    assert conditions(space, "a") == {}
    assert conditions(space, "c") == {"b": ("y",), "a": (2,)}
    assert conditions(space, "d", "q") == {"d": ("q",), "b": ("x",), "a": (1, 2)}
    assert context(conditions(space, "c")) == {"b": "y", "a": 2}
    assert both(conditions(space, "c"), conditions(space, "d"))["b"] == ()


def test_what_an_entry_sets() -> None:
    space = space_of(**{LR: RATE, "pos": {"choices": {"rope": ROPE, "none": {}}}})
    assert list(settings_of(LR, space[LR])) == [(LR, None, None)]
    assert list(settings_of("pos", space["pos"])) == [("model.position", {"kind": "rope"}, "rope")]


POS = {"choices": {"rope": ROPE, "learned": LEARNED}}
FIXED = {"choices": {"rope": {"model.position": {"kind": "rope", "theta": 5}}, "learned": LEARNED}}
CLASHES: dict[str, tuple[dict[str, Any], str | None]] = {
    "different": ({LR: RATE, "pos": POS}, None),
    "whole and part": ({"pos": POS, THETA: RATE}, None),
    "part named by the whole": ({"pos": FIXED, THETA: RATE}, THETA),
    "the other way round": ({THETA: RATE, "pos": FIXED}, "pos"),
    "kept apart": ({"pos": FIXED, THETA: {**RATE, "when": {"pos": ["learned"]}}}, None),
    "not kept apart": ({"pos": FIXED, THETA: {**RATE, "when": {"pos": ["rope"]}}}, THETA),
    "twice": ({"a": POS, "b": POS}, "b"),
    "twice under one condition": (
        {"c": {"choices": [1, 2]}, "a": {**POS, "when": {"c": [1, 2]}},
         "b": {**POS, "when": {"c": [2]}}},
        "b",
    ),
    "twice under two": (
        {"c": {"choices": [1, 2]}, "a": {**POS, "when": {"c": [1]}},
         "b": {**POS, "when": {"c": [2]}}},
        None,
    ),
    "twice under conditions of parents": (
        {"c": {"choices": [1, 2]}, "d": {"choices": [3], "when": {"c": [1]}},
         "a": {**POS, "when": {"d": [3]}}, "b": {**POS, "when": {"c": [2]}}},
        None,
    ),
    "labels of other settings": (
        {"a": {"choices": {"x": ROPE, "y": {"model.bias": True}}},
         "b": {"choices": {"z": {"model.bias": False}, "w": {}}, "when": {"a": ["x"]}}},
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CLASHES)
def test_two_entries_that_set_one_thing(name: str) -> None:
    entries, expected = CLASHES[name]
    found = clashes(space_of(**entries))
    assert len(found) == (expected is not None)
    if expected is not None:
        assert found[0].startswith(f"tune.space.{expected}: model.position")
        assert found[0].endswith(
            " too; leave it out of one, or keep them apart by a condition (when)"
        )
