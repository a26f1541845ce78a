"""A space in Optuna's terms: no value outside it, none lost, two alike choices kept apart."""

from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from lab.config.space import Choices, Range
from lab.sweep.distributions import distribution, distributions, params, setting, suggested

ALIKE = Choices.parse({"choices": [1, True, 1.0, "1", None]})


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"low": 0.1, "high": 0.9}, FloatDistribution(0.1, 0.9)),
        ({"low": 1e-4, "high": 1e-1, "log": True}, FloatDistribution(1e-4, 1e-1, log=True)),
        ({"low": 0.0, "high": 0.3, "step": 0.1}, FloatDistribution(0.0, 0.3, step=0.1)),
        ({"low": 0.0, "high": 0.35, "step": 0.1}, FloatDistribution(0.0, 0.3, step=0.1)),
        ({"low": 0.0, "high": 1.0, "step": 1 / 3}, FloatDistribution(0.0, 1.0)),
        ({"low": 1, "high": 9, "integer": True}, IntDistribution(1, 9)),
        ({"low": 1, "high": 9, "integer": True, "step": 3}, IntDistribution(1, 7, step=3)),
        ({"low": 1, "high": 9, "integer": True, "log": True}, IntDistribution(1, 9, log=True)),
    ],
)
def test_ranges(entry: dict[str, Any], expected: Any) -> None:
    assert distribution(Range.parse(entry)) == expected


def test_choices_are_told_as_they_are_or_by_their_spelling() -> None:
    assert distribution(Choices.parse({"choices": ["a", None, 2]})) == CategoricalDistribution(
        ["a", None, 2]
    )
    assert distribution(Choices.parse({"choices": {"x": {}, "y": {}}})) == CategoricalDistribution(
        ["x", "y"]
    )
    assert distribution(ALIKE) == CategoricalDistribution(["1", "True", "1.0", "'1'", "None"])


def test_many_values_are_an_interval_where_that_is_asked_for() -> None:
    few, many = Range(low=1, high=16, integer=True), Range(low=1, high=99, step=2.0)
    assert distribution(few, smooth=True) == IntDistribution(1, 16)
    assert distribution(many, smooth=True) == FloatDistribution(1.0, 99.0)
    assert distribution(many) == FloatDistribution(1.0, 99.0, step=2.0)


@pytest.mark.parametrize("key", ALIKE.keys, ids=repr)
def test_alike_choices_come_back_as_they_went(key: Any) -> None:
    found = setting(ALIKE, params({"a": ALIKE}, {"a": key})["a"])
    assert (type(found), found) == (type(key), key)


def test_what_is_not_in_an_entry_is_refused() -> None:
    wrong = [
        (Range(low=0.0, high=1.0), 2.0),
        (Range(low=0, high=9, integer=True), 1.5),
        (Range(low=0.0, high=1.0), "x"),
        (Choices.parse({"choices": [1, 2]}), 3),
        (Choices.parse({"choices": [1, 2]}), True),
    ]
    for entry, value in wrong:
        with pytest.raises(ValueError, match=r"is not in"):
            setting(entry, value)


@settings(deadline=None, max_examples=60, database=None)
@given(
    low=st.floats(-1e3, 1e3).map(lambda x: round(x, 4)),
    width=st.floats(1e-3, 1e4),
    parts=st.none() | st.floats(1.01, 40),
    seed=st.integers(0, 2**32 - 1),
    smooth=st.booleans(),
)
def test_what_is_suggested_can_be_told(
    low: float, width: float, parts: float | None, seed: int, smooth: bool
) -> None:
    entry = Range(low=low, high=low + width, step=width / parts if parts else None)
    space = {"a": entry}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    found = suggested(study.ask(), space, smooth=smooth)
    assert entry.holds(found["a"])
    told = optuna.trial.create_trial(
        value=0.0,
        params=params(space, found),
        distributions=distributions(space, found, smooth=smooth),
    )
    assert setting(entry, told.params["a"]) == found["a"]
