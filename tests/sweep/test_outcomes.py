"""What samplers are told: finite values, the worst where there are none, curves where they help."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.objective import Objective
from lab.sweep.outcomes import Outcome, outcomes, typical
from lab.sweep.trials import Trial

LESS, MORE = Objective(metric="val/loss"), Objective(metric="val/bpb", direction="maximize")
TRIAL = Trial("base", 0, "asked", 0, {}, full_tokens=1)


def told(*trials: Trial, curves: bool = False, **more: Any) -> list[Outcome]:
    return outcomes(trials, more.pop("objectives", (LESS,)), curves=curves, **more)


def complete(*values: float, batch: int = 0) -> Trial:
    return replace(TRIAL, state="complete", values=list(values), batch=batch)


def lost(state: Any = "diverged", batch: int = 0, **more: Any) -> Trial:
    return replace(TRIAL, state=state, batch=batch, **more)


def test_a_diverged_trial_counts_as_the_worst_so_far() -> None:
    found = told(lost(), complete(3.0), complete(1.0), complete(9.0, batch=1), lost(batch=1))
    assert [outcome.values for outcome in found] == [[3.0], [3.0], [1.0], [9.0], [9.0]]
    found = told(complete(3.0, 5.0), complete(1.0, 2.0), lost(), objectives=(LESS, MORE))
    assert found[-1].values == [3.0, 2.0]


def test_where_nothing_was_told_yet_a_diverged_trial_failed() -> None:
    assert told(lost()) == [Outcome("FAIL")]
    assert told(lost(), known=[[4.0]]) == [Outcome("COMPLETE", [4.0])]


def test_a_failed_trial_says_nothing_and_a_running_one_is_pending() -> None:
    found = told(complete(1.0), lost("failed"), lost("running"))
    assert [outcome.state for outcome in found] == ["COMPLETE", "FAIL", "RUNNING"]


def test_a_pruned_trial_is_a_curve_or_its_last_value() -> None:
    trial = lost("pruned", intermediate={20: 2.0, 10: 3.0, 30: float("inf")})
    assert told(trial) == [Outcome("COMPLETE", [2.0])]
    assert told(trial, curves=True) == [Outcome("PRUNED", curve={10: 3.0, 20: 2.0})]
    assert told(complete(5.0), lost("pruned"))[-1] == Outcome("COMPLETE", [5.0])


@pytest.mark.parametrize("curves", [True, False])
def test_a_trial_settled_by_its_seeds_is_complete_with_what_they_gave(curves: bool) -> None:
    trial = lost("pruned", values=[2.5], replicates=[[2.0], [3.0]], intermediate={10: 9.0})
    assert told(trial, curves=curves) == [Outcome("COMPLETE", [2.5])]


@settings(deadline=None, max_examples=60, database=None)
@given(data=st.data(), curves=st.booleans())
def test_nothing_told_is_not_finite(data: st.DataObject, curves: bool) -> None:
    numbers = st.floats(allow_nan=True, allow_infinity=True)
    trials = [
        Trial(
            "base",
            number,
            "asked",
            number // 3,
            {},
            full_tokens=1,
            state=data.draw(st.sampled_from(["complete", "pruned", "diverged", "failed"])),
            values=data.draw(st.none() | st.lists(numbers, min_size=1, max_size=1)),
            replicates=data.draw(st.sampled_from([[], [[1.0]]])),
            intermediate=data.draw(st.dictionaries(st.integers(0, 9), numbers, max_size=3)),
        )
        for number in range(data.draw(st.integers(0, 8)))
    ]
    for outcome in told(*trials, curves=curves):
        assert (outcome.state == "COMPLETE") == (outcome.values is not None)
        for value in [*(outcome.values or []), *outcome.curve.values()]:
            assert abs(value) < float("inf")


def test_typical_is_the_median_of_each_objective() -> None:
    assert typical([[1.0, 30.0], [2.0, 10.0], [9.0, 20.0]]) == [2.0, 20.0]
