"""Short forms are spelled out before anything is validated, hashed or kept."""

from typing import Any

import pytest

from lab.config.shorthand import spelled_out

ENTRIES: dict[str, tuple[str, Any, Any]] = {
    "list": ("train.batch_size", [8, 16], {"choices": [8, 16]}),
    "fragments": (
        "pos",
        {"a": {"x": 1}, "b": {}},
        {"choices": {"a": {"x": 1}, "b": {}}},
    ),
    "fragments with a condition": (
        "pos",
        {"a": {"x": 1}, "b": {}, "when": {"mlp": "gelu"}},
        {"choices": {"a": {"x": 1}, "b": {}}, "when": {"mlp": ["gelu"]}},
    ),
    "labels that are words of a range": (
        "size",
        {"low": {"x": 1}, "high": {"x": 2}},
        {"choices": {"low": {"x": 1}, "high": {"x": 2}}},
    ),
    "range": (
        "train.optimizer.lr",
        {"low": 1, "high": 2},
        {"low": 1, "high": 2, "integer": False},
    ),
    "whole": ("model.n_layers", {"low": 1, "high": 2}, {"low": 1, "high": 2, "integer": True}),
    "whole or none": ("model.mlp.d_ff", {"low": 1}, {"low": 1, "integer": True}),
    "said": (
        "model.n_layers",
        {"low": 1, "high": 2, "integer": False},
        {"low": 1, "high": 2, "integer": False},
    ),
    "one value of a condition": (
        "x",
        {"choices": [1], "when": {"a": None, "b": [1], "c": "d"}},
        {"choices": [1], "when": {"a": [None], "b": [1], "c": ["d"]}},
    ),
    "a scalar": ("x", 3, 3),
    "null": ("x", None, None),
    "nothing": ("x", {}, {}),
    "mixed": ("x", {"a": {}, "b": 1}, {"a": {}, "b": 1}),
    "misshapen condition": ("x", {"low": 1, "when": "a"}, {"low": 1, "when": "a",
                                                          "integer": False}),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_is_spelled_out_once(name: str) -> None:
    path, raw, expected = ENTRIES[name]
    found = spelled_out({"tune": {"space": {path: raw}}})
    assert found == {"tune": {"space": {path: expected}}}
    assert spelled_out(found) == found


def test_objectives() -> None:
    def spelled(objective: Any) -> Any:
        return spelled_out({"tune": {"objective": objective}})["tune"]["objective"]

    assert spelled("val/loss") == [{"metric": "val/loss"}]
    assert spelled(["val/loss", {"metric": "a", "direction": "b"}]) == [
        {"metric": "val/loss"},
        {"metric": "a", "direction": "b"},
    ]
    assert spelled({"metric": "a"}) == [{"metric": "a"}]
    assert spelled(None) is None
    assert spelled([]) == []
    assert spelled(3) == [3]
    speed = "time/tokens_per_second"
    assert spelled(speed) == [{"direction": "maximize", "metric": speed}]
    assert spelled(spelled([speed])) == spelled(speed)


@pytest.mark.parametrize("raw", [{}, {"tune": None}, {"tune": 3}, {"tune": {"space": [1]}}])
def test_other_data_is_left_as_it_is(raw: dict[str, Any]) -> None:
    assert spelled_out(raw) == raw


def test_what_is_handed_in_is_not_changed() -> None:
    raw = {"tune": {"space": {"x": [1]}, "objective": "val/loss"}}
    spelled_out(raw)
    assert raw == {"tune": {"space": {"x": [1]}, "objective": "val/loss"}}
