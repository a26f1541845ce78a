"""Suggestions: inside the space, the same however they are asked for, and better than chance."""

import math
import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.objective import Objective
from lab.config.space import Settings, is_active
from lab.config.tune import TuneConfig
from lab.errors import ConfigError, SweepError
from lab.sweep import suggest as module
from lab.sweep.ask import Ask
from lab.sweep.distributions import suggested
from lab.sweep.earlier import WarmTrial
from lab.sweep.quiet import quiet
from lab.sweep.suggest import require, sampler_of, suggest
from lab.sweep.trials import Trial

SAMPLERS: dict[str, dict[str, Any]] = {
    "tpe": {"startup": 4},
    "gp": {"startup": 4},
    "cma-es": {},
    "nsga-ii": {"population": 4},
}
LOSS = (Objective(metric="val/loss"),)
TWO = (Objective(metric="val/loss"), Objective(metric="time/seconds", direction="maximize"))
UNIT = {name: {"low": 0.0, "high": 1.0} for name in "ab"}
MIXED: dict[str, Any] = {
    "rate": {"low": 1e-4, "high": 3e-2, "log": True},
    "layers": {"low": 1, "high": 4, "integer": True},
    "drop": {"low": 0.0, "high": 0.3, "step": 0.1},
    "width": {"choices": [8, 16, 32]},
    "position": {"choices": {"rope": {"x": 1}, "learned": {"x": 2}, "none": {"x": 3}}},
    "theta": {"low": 100, "high": 1e5, "log": True, "when": {"position": ["rope"]}},
    "share": {"low": 0.1, "high": 0.9, "when": {"position": ["rope", "learned"]}},
    "deep": {"choices": [True, False, None], "when": {"position": ["rope"], "layers": [3, 4]}},
}
every_sampler = pytest.mark.parametrize("kind", SAMPLERS)


def tune_of(kind: str, space: dict[str, Any], **more: Any) -> TuneConfig:
    sampler = {"kind": kind, "width": 4, **SAMPLERS[kind], **more}
    return TuneConfig.parse({"sampler": sampler, "trials": 99, "space": space})


def anything(settings: Settings) -> str | None:
    return None


def ask_of(tune: TuneConfig, told: Sequence[Trial] = (), **more: Any) -> Ask:
    batch = told[-1].batch + 1 if told else 0
    asked = Ask(tune, LOSS, tuple(told), (), tune.width, (), 0, batch, anything)
    return replace(asked, **more)


def trial_of(number: int, batch: int, found: Settings, values: list[float] | None) -> Trial:
    return Trial(
        "base",
        number,
        "asked",
        batch,
        found,
        full_tokens=100,
        state="complete" if values else "diverged",
        values=values,
        replicates=[values] if values else [],
        intermediate={10: 9.0, 20: values[0]} if values else {10: 9.0},
    )


def searched(
    tune: TuneConfig, count: int, judge: Callable[[Settings], list[float] | None], **more: Any
) -> list[Trial]:
    told: list[Trial] = []
    while len(told) < count:
        asked = ask_of(tune, told, **more)
        for found in suggest(asked):
            told.append(trial_of(len(told), asked.batch, found, judge(found)))
    return told


def bowl(found: Settings) -> list[float]:
    return [(float(found["a"]) - 0.7) ** 2 + 3 * (float(found["b"]) - 0.2) ** 2]  # type: ignore[arg-type]


def mixed(found: Settings) -> list[float]:
    kinds = {"rope": 0.0, "learned": 0.5, "none": 1.0}
    rate = abs(math.log10(float(found["rate"]) / 3e-3))  # type: ignore[arg-type]
    return [rate + kinds[str(found["position"])], float(found["layers"])]  # type: ignore[arg-type]


def fits(tune: TuneConfig, found: Settings) -> bool:
    here = [name for name, entry in tune.space.items() if is_active(entry, found)]
    return list(found) == here and all(tune.space[n].holds(x) for n, x in found.items())


@st.composite
def spaces(draw: st.DrawFn) -> dict[str, Any]:
    """Two ranges that are always there, a choice, and entries that depend on it."""

    def interval() -> dict[str, Any]:
        kind = draw(st.sampled_from(["plain", "log", "step", "whole", "whole log", "whole step"]))
        if kind in ("plain", "step"):
            low = draw(st.floats(-50, 50).map(lambda x: round(x, 3)))
            size = draw(st.sampled_from([1e-3, 0.7, 40.0]))
            step = {"step": draw(st.sampled_from([size / 3, size / 4]))} if kind == "step" else {}
            return {"low": low, "high": low + size, **step}
        if kind == "log":
            return {"low": 1e-5, "high": draw(st.sampled_from([1.0001e-5, 1e-4, 2.0])), "log": True}
        low, size = draw(st.integers(1, 40)), draw(st.integers(3, 10**5))
        step = {"step": 3} if kind == "whole step" else {}
        return {"low": low, "high": low + size, "integer": True, "log": "log" in kind, **step}

    labels = draw(st.sampled_from([[1, 2, 4], [1, 1.0, True], ["x", None, 0.5], [True, False]]))
    parent = {"c": draw(st.sampled_from([[label] for label in labels] + [labels[:2]]))}
    return {
        "a": interval(),
        "b": interval(),
        "e": {"choices": ["u", "v"], "when": {"f": [False]}},
        "d": {**interval(), "when": parent},
        "c": {"choices": labels},
        "f": {"choices": [True, False], "when": parent},
    }


@settings(deadline=None, max_examples=30, database=None)
@given(kind=st.sampled_from(["tpe", "cma-es", "nsga-ii"]), space=spaces(), data=st.data())
def test_suggestions_lie_in_the_space_whatever_became_of_the_trials(
    kind: str, space: dict[str, Any], data: st.DataObject
) -> None:
    tune = tune_of(kind, space, width=3)
    told: list[Trial] = []
    for batch in range(4):
        for found in suggest(ask_of(tune, told, seed=data.draw(st.integers(0, 2**32 - 1)))):
            assert fits(tune, found)
            values = [data.draw(st.sampled_from([0.1, 0.5, 2.0, 1e30]))]
            trial = trial_of(len(told), batch, found, values)
            trial.state = data.draw(st.sampled_from(["complete", "pruned", "diverged", "failed"]))
            if trial.state != "complete":
                trial.values, trial.replicates = None, []
            told.append(trial)


@every_sampler
def test_what_became_of_trials_is_told_without_an_error(kind: str) -> None:
    tune, told = tune_of(kind, MIXED), list[Trial]()
    for batch, states in enumerate(
        ["diverged failed failed diverged", "pruned complete failed pruned", "complete pruned"]
    ):
        for state, found in zip(states.split(), suggest(ask_of(tune, told)), strict=False):
            assert fits(tune, found)
            trial = trial_of(len(told), batch, found, [2.0] if state == "complete" else None)
            trial.state = state  # type: ignore[assignment]
            told.append(trial)
    assert all(fits(tune, found) for found in suggest(ask_of(tune, told)))


@every_sampler
def test_equal_questions_have_equal_answers(kind: str) -> None:
    told = searched(tune_of("tpe", MIXED), 8, lambda found: mixed(found)[:1])
    asked = ask_of(tune_of(kind, MIXED), told, count=2)
    found = suggest(asked)
    assert suggest(pickle.loads(pickle.dumps(asked))) == found
    assert suggest(replace(asked, count=1)) == found[:1]
    assert suggest(replace(asked, seed=1, count=1)) != found[:1]


@every_sampler
def test_a_study_built_anew_suggests_what_one_that_lived_on_does(kind: str) -> None:
    high = 15 if kind == "gp" else 10**6
    tune = tune_of(kind, {name: {"low": 0, "high": high, "integer": True} for name in "abc"})
    told: list[Trial] = []
    with quiet():
        living = optuna.create_study()
    for batch in range(3 if kind == "gp" else 6):
        asked, trials = ask_of(tune, told), list[tuple[optuna.Trial, Settings]]()
        with quiet():
            living.sampler = sampler_of(asked)
            while len(trials) < tune.width:
                trial = living.ask()
                found = suggested(trial, tune.space)
                if found in [t.settings for t in told] + [other for _, other in trials]:
                    living.tell(trial, state=optuna.trial.TrialState.FAIL)
                else:
                    trials.append((trial, found))
        assert suggest(asked) == [found for _, found in trials]
        for trial, found in trials:
            value = sum((x / high - 0.3) ** 2 for x in found.values())  # type: ignore[operator]
            told.append(trial_of(len(told), batch, found, [value]))
            living.tell(trial, value)


@every_sampler
def test_the_most_is_sought_as_the_least_of_the_negative(kind: str) -> None:
    tune = tune_of(kind, UNIT)
    least = searched(tune, 8, bowl)
    most = (Objective(metric="val/loss", direction="maximize"),)
    found = searched(tune, 8, lambda found: [-bowl(found)[0]], objectives=most)
    assert [trial.settings for trial in found] == [trial.settings for trial in least]


@pytest.mark.parametrize("kind", ["tpe", "gp", "nsga-ii"])
def test_several_objectives(kind: str) -> None:
    tune = tune_of(kind, MIXED, width=3)
    judged = lambda found: mixed(found) if found["width"] != 8 else None  # noqa: E731
    told = searched(tune, 6, judged, objectives=TWO)
    told += [
        trial_of(6, 2, found, judged(found))
        for found in suggest(ask_of(tune, told, count=1, objectives=TWO))
    ]
    assert all(fits(tune, trial.settings) for trial in told)
    assert len({str(trial.settings) for trial in told}) == 7


def of_random(count: int) -> float:
    draws = np.random.default_rng(0).random((200, count, 2))
    return float(np.mean([min(bowl(dict(zip("ab", x, strict=True)))[0] for x in d) for d in draws]))


@pytest.mark.parametrize(
    ("kind", "count", "seeds"), [("tpe", 32, 4), ("gp", 16, 1), ("cma-es", 48, 4)]
)
def test_learning_beats_chance(kind: str, count: int, seeds: int) -> None:
    tune = tune_of(kind, UNIT)
    best = [
        min(trial.values[0] for trial in searched(tune, count, bowl, seed=seed) if trial.values)
        for seed in range(seeds)
    ]
    assert np.mean(best) < of_random(count) / 2


def test_a_condition_is_learned_too() -> None:
    told = searched(tune_of("tpe", MIXED), 40, lambda found: mixed(found)[:1])
    last = [trial.settings["position"] for trial in told[-12:]]
    assert last.count("rope") >= 7


def not_too_large(found: Settings) -> str | None:
    return "too large" if float(found["a"]) * float(found["b"]) > 0.1 else None  # type: ignore[arg-type]


@every_sampler
def test_what_is_not_feasible_is_not_suggested(kind: str) -> None:
    told = searched(tune_of(kind, UNIT), 8, bowl, feasible=not_too_large)
    assert not any(not_too_large(trial.settings) for trial in told)
    assert len({str(trial.settings) for trial in told}) == 8


@pytest.mark.parametrize("kind", ["tpe", "cma-es", "nsga-ii"])
def test_where_a_sampler_insists_on_the_infeasible_a_draw_takes_its_place(kind: str) -> None:
    corner = lambda found: None if float(found["a"]) > 0.97 else "not in the corner"  # noqa: E731
    told = [
        trial_of(n, 0, {"a": n / 99, "b": 0.5}, [n / 99]) for n in range(12)
    ]  # the sampler goes elsewhere
    found = suggest(ask_of(tune_of(kind, UNIT), told, feasible=corner))
    assert len(found) == 4
    assert not any(map(corner, found))


@pytest.mark.parametrize("kind", ["tpe", "cma-es", "nsga-ii"])
def test_where_nothing_is_feasible_it_is_said(kind: str) -> None:
    with pytest.raises(SweepError, match=r"because it is too large; widen the space"):
        suggest(ask_of(tune_of(kind, UNIT), feasible=lambda found: "it is too large"))


@pytest.mark.parametrize("kind", ["tpe", "gp", "nsga-ii"])
def test_nothing_is_tried_twice_before_all_has_been(kind: str) -> None:
    space = {"a": {"choices": [1, 2, 3]}, "b": {"low": 0, "high": 1, "integer": True}}
    told = searched(tune_of(kind, space), 8, lambda found: [float(found["a"])])  # type: ignore[arg-type]
    assert len({str(trial.settings) for trial in told[:6]}) == 6
    assert len(told) == 8


@every_sampler
def test_settings_to_try_are_kept_and_the_rest_is_filled_in(kind: str) -> None:
    tune = tune_of(kind, MIXED)
    partial: tuple[Settings, ...] = ({"rate": 0.00123456789}, {"position": "rope", "theta": 500.0})
    found = suggest(ask_of(tune, partial=partial))
    assert len(found) == 4
    assert all(fits(tune, settings) for settings in found)
    for settings_, fixed in zip(found, partial, strict=False):
        assert {name: settings_[name] for name in fixed} == fixed


def test_settings_to_try_that_cannot_be_are_named() -> None:
    fixed: Settings = {"a": 0.9, "b": 0.9}
    with pytest.raises(SweepError, match=r"'a': 0.9, 'b': 0.9} cannot be tried: too large"):
        suggest(ask_of(tune_of("tpe", UNIT), partial=(fixed,), feasible=not_too_large))


@pytest.mark.parametrize(
    ("kind", "count"), [("tpe", 30), ("gp", 30), ("cma-es", 30), ("cma-es", 8)]
)
def test_earlier_trials_are_learned_from(kind: str, count: int) -> None:
    points = [
        {"a": float(a), "b": float(b)} for a, b in np.random.default_rng(1).random((count, 2))
    ]
    warm = tuple(WarmTrial(point, bowl(point)) for point in points)
    cold, warmed = (
        [
            bowl(found)[0]
            for seed in range(3)
            for found in suggest(ask_of(tune_of(kind, UNIT), warm=known, seed=seed, count=3))
        ]
        for known in ((), warm)
    )
    assert np.mean(warmed) < np.mean(cold) * 0.7


def test_numbers_have_four_digits_or_what_a_narrow_range_needs() -> None:
    space = {**UNIT, "a": {"low": 1e-4, "high": 1e-1, "log": True}, "n": {"low": 999, "high": 1001}}
    for trial in searched(tune_of("tpe", space), 12, lambda found: [1.0]):
        rate, narrow = float(trial.settings["a"]), float(trial.settings["n"])  # type: ignore[arg-type]
        assert rate == float(f"{rate:.4g}")
        assert narrow == float(f"{narrow:.6g}")
        assert narrow != round(narrow)


def test_a_missing_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in SAMPLERS:
        require(tune_of(kind, UNIT).sampler)
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    require(tune_of("gp", UNIT).sampler)
    with pytest.raises(ConfigError, match=r"cmaes is not installed; pip install"):
        require(tune_of("cma-es", UNIT).sampler)
