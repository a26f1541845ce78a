"""Entries of a search space: what they hold, what they change, what is wrong with them."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lab.config.space import (
    LISTED,
    Choices,
    Range,
    changes,
    grid,
    is_active,
    n_cells,
    ordered,
    same,
)
from lab.config.tune import TuneConfig
from tests.config.asked import LEARNED, LR, RATE, ROPE, SINES, THETA, load, space_fault

quick = settings(deadline=None, max_examples=100, database=None)


def entry(raw: dict[str, Any]) -> Range | Choices:
    return TuneConfig.parse({"trials": 1, "space": {"x": raw}}).space["x"]


def span(low: float, high: float, **more: Any) -> Range:
    return Range.parse({"low": low, "high": high, **more})


def space_of(**entries: dict[str, Any]) -> dict[str, Range | Choices]:
    return TuneConfig.parse({"trials": 1, "space": entries}).space


# ---- ranges


def short(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers as they are written by hand."""
    return st.floats(low, high).map(lambda x: float(f"{x:.4g}"))


@st.composite
def ranges(draw: st.DrawFn) -> dict[str, Any]:
    whole, log = draw(st.booleans()), draw(st.booleans())
    if whole:
        low = draw(st.integers(1 if log else -(10**6), 10**6))
        high = low + draw(st.integers(1, 10**6))
        step = None if log else draw(st.none() | st.integers(1, high - low))
    else:
        low = draw(short(1e-8 if log else -1e4, 1e4))
        high = float(f"{low + draw(short(1e-3, 1e4)):.10g}")
        step = None if log else draw(st.none() | short((high - low) / 500, (high - low) / 2))
    return {"low": low, "high": high, "log": log, "step": step, "integer": whole}


@quick
@given(raw=ranges(), x=st.floats(-3e6, 3e6))
def test_every_number_has_a_value_in_the_range(raw: dict[str, Any], x: float) -> None:
    one = span(**raw)
    for value in (one.value(x), one.rounded(x)):
        assert isinstance(value, int if one.integer else float)
        assert one.low <= value <= one.high
        assert one.holds(value)
        assert one.value(value) == value
    assert one.value(one.low) == one.low


@quick
@given(raw=ranges())
def test_the_values_are_the_steps(raw: dict[str, Any]) -> None:
    one = span(**raw)
    values = one.values()
    if one.count is None:
        assert values is None
        assert one.step is None
    elif one.log or one.count > LISTED:
        assert values is None
    else:
        assert values is not None
        assert len(values) == one.count
        assert values[0] == one.low
        assert all(one.holds(value) for value in values)
        gaps = [b - a for a, b in pairwise(values)]
        assert gaps == pytest.approx([one.step or 1] * len(gaps), rel=1e-6, abs=1e-5)
        assert one.high - values[-1] < (one.step or 1) * (1 + 1e-6)


def test_values_of_some_ranges() -> None:
    assert span(1, 4, integer=True).values() == [1, 2, 3, 4]
    assert span(1, 6, integer=True, step=2).values() == [1, 3, 5]
    assert span(0, 0.3, step=0.1).values() == [0.0, 0.1, 0.2, 0.3]
    assert span(-1, 1, step=0.5).values() == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert span(1, 64, integer=True, log=True).values() is None
    assert span(1, 64, integer=True, log=True).count == 64
    assert span(0, 1).count is None


def test_a_range_of_millions_is_not_listed() -> None:
    one = span(100, 2**53 - 1, integer=True)
    assert one.values() is None
    assert one.value(2**52 + 1) == 2**52 + 1


def test_what_a_range_holds() -> None:
    whole, stepped, free = span(1, 4, integer=True), span(0, 1, step=0.25), span(0, 1)
    assert whole.holds(4)
    assert whole.holds(2.0)
    assert not whole.holds(2.5)
    assert not whole.holds(5)
    assert stepped.holds(0.75)
    assert stepped.holds(1)
    assert not stepped.holds(0.7)
    assert free.holds(0.123456789)
    assert not free.holds(-1e-12)
    for value in (True, None, "1", math.nan):
        assert not free.holds(value)
    tiny = span(1e-10, 1e-9, step=1e-10)
    assert tiny.holds(3e-10)
    assert not tiny.holds(3.5e-10)


def test_numbers_keep_four_digits_more_in_a_narrow_range() -> None:
    assert span(1e-4, 1e-1, log=True).rounded(0.00123456) == 0.001235
    assert span(100_000, 100_050).rounded(100_012.3456) == 100_012.3
    assert span(0, 0.3, step=0.1).rounded(0.19) == 0.2
    assert span(1, 100_000, log=True, integer=True).rounded(12_345.6) == 12_350
    distinct = {span(0.9990, 0.9999).rounded(0.999 + n * 1e-5) for n in range(90)}
    assert len(distinct) == 90


RANGES: dict[str, tuple[Any, str]] = {
    "upside down": ({"low": 2, "high": 1}, "low=2 must lie below high=1"),
    "empty": ({"low": 1, "high": 1}, "low=1 must lie below high=1"),
    "log from 0": (
        {"low": 0, "high": 1, "log": True},
        "a logarithmic range cannot start at low=0; give a positive low",
    ),
    "log from below 0": (
        {"low": -1, "high": 1, "log": True},
        "a logarithmic range cannot start at low=-1; give a positive low",
    ),
    "log with a step": (
        {"low": 1, "high": 2, "log": True, "step": 0.1},
        "a logarithmic range has no step; list the values instead",
    ),
    "long step": ({"low": 0, "high": 1, "step": 2}, "step=2 is more than high - low"),
    "neither": (0.1, "0.1 is neither a range such as {low: 0.001, high: 0.1, log: true} nor a "
                     "list of values"),
    "null": (None, "None is neither a range such as {low: 0.001, high: 0.1, log: true} nor a "
                   "list of values"),
    "other words": ({"min": 0, "max": 1}, "needs low and high, or choices; got min, max"),
    "nothing": ({}, "needs low and high, or choices; got an empty mapping"),
}  # fmt: skip


@pytest.mark.parametrize("name", RANGES)
def test_a_wrong_range_is_a_sentence(name: str, tmp_path: Path) -> None:
    raw, expected = RANGES[name]
    assert space_fault(tmp_path, {LR: raw}) == f"tune.space.{LR}: {expected}"


INSIDE: dict[str, tuple[Any, str]] = {
    "step of 0": (
        {"low": 0, "high": 1, "step": 0},
        "step: input should be greater than 0; got 0",
    ),
    "negative step": (
        {"low": 0, "high": 1, "step": -0.1},
        "step: input should be greater than 0; got -0.1",
    ),
    "no high": ({"low": 1}, "high: required, but missing"),
    "no low": ({"high": 1}, "low: required, but missing"),
    "misspelt": ({"low": 1, "high": 2, "logg": True}, "logg: unknown key; did you mean 'log'?"),
    "yes": ({**RATE, "log": "yes"}, "log: input should be a valid boolean; got 'yes'"),
    "text": ({"low": "a", "high": 2}, "low: input should be a valid number; got 'a'"),
    "bool": ({"low": False, "high": 2}, "low: input should be a valid number; got False"),
}


@pytest.mark.parametrize("name", INSIDE)
def test_a_wrong_part_of_a_range_is_a_sentence(name: str, tmp_path: Path) -> None:
    raw, expected = INSIDE[name]
    assert space_fault(tmp_path, {LR: raw}) == f"tune.space.{LR}.{expected}"


WHOLE: dict[str, tuple[Any, str]] = {
    "half": ({"low": 1.5, "high": 4}, "low=1.5 of a whole number must be whole"),
    "half at the end": ({"low": 1, "high": 4.5}, "high=4.5 of a whole number must be whole"),
    "half steps": ({"low": 1, "high": 4, "step": 0.5}, "step=0.5 of a whole number must be whole"),
    "huge": (
        {"low": 1, "high": 2.0**53},
        "whole numbers are exact below 2**53 only; give ends below 9007199254740992",
    ),
    "said to be no whole number": (
        {"low": 1, "high": 4, "integer": False},
        "is a whole number; leave out integer: false",
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_wrong_whole_range_is_a_sentence(name: str, tmp_path: Path) -> None:
    raw, expected = WHOLE[name]
    found = space_fault(tmp_path, {"model.n_layers": raw})
    assert found == f"tune.space.model.n_layers: {expected}"


# ---- choices


CHOICES: dict[str, tuple[Any, str]] = {
    "none": ([], "there is nothing to choose from; give one value or more"),
    "none spelled out": (
        {"choices": []},
        "there is nothing to choose from; give one value or more",
    ),
    "no labels": ({"choices": {}}, "there is nothing to choose from; give one value or more"),
    "no list": (
        {"choices": "abc"},
        "choices: abc is no list of values and no mapping of labels",
    ),
    "null": ({"choices": None}, "choices: None is no list of values and no mapping of labels"),
    "twice": ([0.1, 0.1], "0.1, 0.1: a choice stands there twice"),
    "lists": (
        [[0.9, 0.99], [0.8, 0.95]],
        "[0.9, 0.99] is no plain value; give each choice a label, as in "
        "{first: {the.setting: ...}, second: {the.setting: ...}}",
    ),
    "mappings": (
        [{"kind": "rope"}],
        "{'kind': 'rope'} is no plain value; give each choice a label, as in "
        "{first: {the.setting: ...}, second: {the.setting: ...}}",
    ),
    "half a fragment": (
        {"a": 1, "b": {"model.bias": True}},
        "a: 1 is no fragment such as {model.n_layers: 2}",
    ),
    "null for a fragment": (
        {"a": {"model.bias": True}, "b": None},
        "b: None is no fragment such as {model.n_layers: 2}",
    ),
    "list for a fragment": (
        {"choices": {"a": [1]}},
        "a: [1] is no fragment such as {model.n_layers: 2}",
    ),
    "no label": ({"": {"model.bias": True}}, "a label is empty; give it a name"),
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_wrong_choice_is_a_sentence(name: str, tmp_path: Path) -> None:
    raw, expected = CHOICES[name]
    assert space_fault(tmp_path, {"x": raw}) == f"tune.space.x: {expected}"


def test_choices_are_told_apart_by_type() -> None:
    mixed = entry({"choices": [1, 1.0, True, None, "1"]})
    assert mixed.values() == [1, 1.0, True, None, "1"]
    assert [type(value) for value in mixed.values() or []] == [int, float, bool, type(None), str]
    assert mixed.holds(True)
    assert not entry({"choices": [1, 2]}).holds(True)
    assert not entry({"choices": [1, 2]}).holds(1.0)
    assert mixed.shown() == "1, 1.0, True, none, 1"
    assert entry({"choices": {"a": {}, "b": {"x": 1}}}).values() == ["a", "b"]


def test_both_ends_may_be_labels() -> None:
    size = entry({"choices": {"low": {"model.n_layers": 1}, "high": {"model.n_layers": 4}}})
    assert isinstance(size, Choices)
    assert size.changes("size", "high") == {"model.n_layers": 4}


# ---- conditions


def test_one_is_one_but_true_is_not() -> None:
    assert same(1, 1.0)
    assert same(True, True)
    assert same(None, None)
    assert not same(1, True)
    assert not same(0.0, False)
    assert not same("1", 1)
    assert not same(None, False)


def test_an_entry_is_there_with_one_of_the_values_of_each_parent() -> None:
    one = entry({"choices": [1, 2]}).parse({"choices": [1], "when": {"a": [1, 2], "b": ["x"]}})
    assert is_active(one, {"a": 1, "b": "x"})
    assert is_active(one, {"a": 2.0, "b": "x"})  # a step of a range of numbers
    assert not is_active(one, {"a": True, "b": "x"})
    assert not is_active(one, {"a": 3, "b": "x"})
    assert not is_active(one, {"a": 1})
    assert not is_active(one, {})
    assert is_active(entry({"choices": [1]}), {})


WHEN: dict[str, tuple[Any, str]] = {
    "unknown": ({"po": [1]}, "'po' is not in the space; did you mean 'pos'?"),
    "never": ({"pos": ["c"]}, "pos is never 'c'; it is a, b"),
    "a bool": ({"model.n_layers": [True]}, "model.n_layers is never True; it is 1 to 4"),
    "beyond": ({"model.n_layers": [7]}, "model.n_layers is never 7; it is 1 to 4"),
    "an interval": (
        {LR: [0.01]},
        "train.optimizer.lr is any number of an interval, hardly ever 0.01; "
        "list its values, or give it a step",
    ),
}


@pytest.mark.parametrize("name", WHEN)
def test_a_condition_that_cannot_hold_is_a_sentence(name: str, tmp_path: Path) -> None:
    when, expected = WHEN[name]
    space = {
        "pos": {"a": ROPE, "b": LEARNED},
        "model.n_layers": {"low": 1, "high": 4},
        LR: RATE,
        "model.bias": {"choices": [True, False], "when": when},
    }
    assert space_fault(tmp_path, space) == f"tune: space.model.bias.when: {expected}"


SHAPES: dict[str, tuple[Any, str]] = {
    "null": (None, ": must be a mapping of keys to values; got None"),
    "text": ("pos", ": must be a mapping of keys to values; got 'pos'"),
    "list": (["pos"], ": must be a mapping of keys to values; got ['pos']"),
    "mapping": (
        {"pos": {"a": 1}},
        ".pos.0: {'a': 1} must be one plain value: a number, a text, true, false or null",
    ),
    "nothing": ({"pos": []}, ".pos: give one value or more"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_misshapen_condition_is_a_sentence(name: str, tmp_path: Path) -> None:
    when, expected = SHAPES[name]
    space = {"pos": {"a": ROPE, "b": LEARNED}, LR: {**RATE, "when": when}}
    assert space_fault(tmp_path, space) == f"tune.space.{LR}.when{expected}"


def test_conditions_come_in_order_and_never_in_a_circle(tmp_path: Path) -> None:
    space = space_of(
        c={"choices": [1], "when": {"b": [1]}},
        b={"choices": [1], "when": {"a": [1]}},
        a={"choices": [1]},
        d={"choices": [1]},
    )
    assert ordered(space) == ["a", "b", "c", "d"]
    circle = {
        "model.bias": {"choices": [True], "when": {"model.tie_embeddings": True}},
        "model.tie_embeddings": {"choices": [True], "when": {"model.bias": True}},
        LR: RATE,
    }
    assert space_fault(tmp_path, circle) == (
        "tune: the conditions of model.bias, model.tie_embeddings go round in a circle"
    )
    own = {"model.bias": {"choices": [True], "when": {"model.bias": True}}}
    assert space_fault(tmp_path, own) == "tune: the conditions of model.bias go round in a circle"


# ---- what settings change


def test_wholes_are_changed_before_their_parts() -> None:
    space = space_of(
        **{
            "model.position.theta": {"low": 100.0, "high": 1000.0},
            "position": {"choices": {"rope": ROPE, "learned": LEARNED}},
            LR: {"choices": [0.1, 0.2]},
        }
    )
    chosen = {THETA: 500.0, "position": "rope", LR: 0.2}
    assert list(changes(space, chosen)) == ["model.position", THETA, LR]
    assert changes(space, chosen) == {**ROPE, THETA: 500.0, LR: 0.2}
    assert changes(space, {}) == {}


def test_a_grid_has_every_cell_once_the_last_fastest() -> None:
    space = space_of(
        n={"low": 1, "high": 2, "integer": True},
        pos={"choices": {"rope": ROPE, "sines": SINES}},
        theta={"choices": [10, 20], "when": {"pos": ["rope"]}},
    )
    assert grid(space) == [
        {"n": 1, "pos": "rope", "theta": 10},
        {"n": 1, "pos": "rope", "theta": 20},
        {"n": 1, "pos": "sines"},
        {"n": 2, "pos": "rope", "theta": 10},
        {"n": 2, "pos": "rope", "theta": 20},
        {"n": 2, "pos": "sines"},
    ]
    assert n_cells(space, most=100) == 6
    assert n_cells(space, most=4) == 4
    wide = space_of(**{f"x{n}": {"low": 0, "high": 999, "integer": True} for n in range(9)})
    assert n_cells(wide, most=10) == 10  # of 10^27


# ---- the whole space


names = st.sampled_from(["a", "b", "c.d", "e", "range", "choices", "low", "when"])
scalars = (
    st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.none()
)
fragments = st.dictionaries(
    st.sampled_from(["model", "model.bias", "train.steps"]),
    scalars | st.dictionaries(st.text(max_size=3), scalars | st.lists(scalars, max_size=2)),
    max_size=2,
)
labels = st.text(min_size=1, max_size=5).filter(str.strip)
choices = st.fixed_dictionaries(
    {
        "choices": st.lists(scalars, min_size=1, max_size=4, unique_by=lambda v: (type(v), v))
        | st.dictionaries(labels, fragments, min_size=1, max_size=3)
    }
)


@quick
@given(space=st.dictionaries(names, ranges() | choices, min_size=1, max_size=5), data=st.data())
def test_what_is_dumped_is_read_again(space: dict[str, Any], data: st.DataObject) -> None:
    parents = [name for name, raw in space.items() if "choices" in raw]
    for number, raw in enumerate(space.values()):
        earlier = [parent for parent in parents if parent in list(space)[:number]]
        if earlier and data.draw(st.booleans()):
            parent = data.draw(st.sampled_from(earlier))
            raw["when"] = {parent: [data.draw(st.sampled_from(list(space[parent]["choices"])))]}
    tune = TuneConfig.parse({"trials": 5, "space": space})
    assert TuneConfig.parse(tune.dump()) == tune
    assert list(TuneConfig.parse(tune.dump()).space) == list(space)
    for name, raw in space.items():
        if "choices" in raw:
            held = tune.space[name].values() or []
            assert [(type(v), v) for v in held] == [(type(v), v) for v in raw["choices"]]


def test_a_question_is_kept_as_it_is(tmp_path: Path) -> None:
    space = {
        LR: RATE,
        "size": {"low": {"model.n_layers": 1}, "high": {"model.n_layers": 4}},
        "train.clip_norm": [None, 1],
        "pos": {"rope": ROPE, "sines": SINES, "when": {"size": "low"}},
        THETA: {"low": 100, "high": 1000, "when": {"pos": "rope"}},
        "model.bias": [True, False],
    }
    question = load(tmp_path, {"space": space, "trials": 9})
    assert question.parse(question.dump()) == question
    assert question.tune is not None
    assert question.tune.space["pos"].when == {"size": ("low",)}


@pytest.mark.parametrize("value", [[1], {"a": 1}])
def test_settings_are_plain(value: Any) -> None:
    with pytest.raises(ValidationError, match="must be one plain value"):
        TuneConfig.parse({"trials": 3, "space": {"x": {"choices": [1]}}, "try": [{"x": value}]})
