"""Shares of the settings: the one that matters first, silence where nothing can be said."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.objective import Objective
from lab.config.tune import TuneConfig
from lab.sweep.importance import importance
from lab.sweep.trials import Trial

LOSS = Objective(metric="val/loss")
SPEED = Objective(metric="time/tokens_per_second", direction="maximize")
UNIT = {name: {"low": 0.0, "high": 1.0} for name in "abc"}


def tune_of(space: dict[str, Any], **more: Any) -> TuneConfig:
    return TuneConfig.parse({"sampler": {"kind": "random"}, "trials": 40, "space": space, **more})


def trials(points: list[dict[str, Any]], values: list[list[float]]) -> list[Trial]:
    return [
        Trial("v", n, "list", 0, point, full_tokens=1, state="complete", values=value)
        for n, (point, value) in enumerate(zip(points, values, strict=True))
    ]


def points(count: int, seed: int = 0) -> list[dict[str, Any]]:
    draws = np.random.default_rng(seed).random((count, 3))
    return [dict(zip("abc", map(float, draw), strict=True)) for draw in draws]


@pytest.mark.parametrize("count", [12, 40])
def test_the_setting_that_matters_comes_first(count: int) -> None:
    for seed in range(4):
        some = points(count, seed)
        found = importance(
            trials(some, [[abs(p["b"] - 0.3) + 0.001 * p["a"]] for p in some]), tune_of(UNIT), LOSS
        )
        assert next(iter(found)) == "b"
        assert found["b"] > 0.5
        assert sum(found.values()) == pytest.approx(1)
        assert list(found.values()) == sorted(found.values(), reverse=True)


def test_each_objective_has_its_own() -> None:
    some = points(30)
    both = [{"metric": "val/loss"}, {"metric": SPEED.metric, "direction": "maximize"}]
    tune = tune_of(UNIT, objective=both)
    told = trials(some, [[p["a"], -abs(p["c"] - 0.8)] for p in some])
    assert next(iter(importance(told, tune, LOSS))) == "a"
    assert next(iter(importance(told, tune, SPEED))) == "c"


def test_a_setting_that_is_only_there_sometimes_has_a_share() -> None:
    space = {
        "kind": {"choices": ["x", "y"]},
        "a": UNIT["a"],
        "only": {"low": 0.0, "high": 1.0, "when": {"kind": ["x"]}},
    }
    some = [
        {"kind": "xy"[n % 2], "a": p["a"]} | ({"only": p["b"]} if n % 2 == 0 else {})
        for n, p in enumerate(points(40))
    ]
    found = importance(
        trials(some, [[p.get("only", 0.5) + 0.01 * p["a"]] for p in some]), tune_of(space), LOSS
    )
    assert set(found) == {"kind", "a", "only"}
    assert found["only"] > found["a"]


def test_one_setting_has_the_whole() -> None:
    some = [{"a": p["a"]} for p in points(6)]
    told = trials(some, [[p["a"]] for p in some])
    assert importance(told, tune_of({"a": UNIT["a"]}), LOSS) == {"a": pytest.approx(1)}


def test_nothing_is_said_of_few_or_equal_trials() -> None:
    tune = tune_of(UNIT)
    assert importance([], tune, LOSS) == {}
    assert importance(trials(points(3), [[1.0], [2.0], [3.0]]), tune, LOSS) == {}
    assert importance(trials(points(9), [[1.0]] * 9), tune, LOSS) == {}
    lost = trials(points(9), [[float(n)] for n in range(9)])
    for trial in lost[3:]:
        trial.state = "diverged"
    assert importance(lost, tune, LOSS) == {}


@settings(deadline=None, max_examples=40, database=None)
@given(data=st.data(), count=st.integers(0, 12))
def test_shares_sum_to_one_or_there_are_none(data: st.DataObject, count: int) -> None:
    tune = tune_of(
        {"a": UNIT["a"], "n": {"choices": [1, 2]}, "m": {**UNIT["b"], "when": {"n": [1]}}}
    )
    some: list[dict[str, Any]] = []
    for _ in range(count):
        point = {
            "a": data.draw(st.sampled_from([0.0, 0.5, 1.0])),
            "n": data.draw(st.sampled_from([1, 2])),
        }
        some.append(point | ({"m": 0.5} if point["n"] == 1 else {}))
    values = [[data.draw(st.sampled_from([1.0, 2.0, 1e30, float("inf")]))] for _ in some]
    found = importance(trials(some, values), tune, LOSS)
    assert all(share >= 0 for share in found.values())
    assert not found or sum(found.values()) == pytest.approx(1)
