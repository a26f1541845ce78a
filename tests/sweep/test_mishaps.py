"""Searches in which runs diverge, fail, or end without a number: told once, and gone on from."""

import pytest

from tests.sweep.simulated import PRUNERS, RATE, carry_out, plan_of, question, search


@pytest.mark.parametrize("status", ["diverged", "failed"])
@pytest.mark.parametrize("pruner", list(PRUNERS))
@pytest.mark.parametrize("sampler", ["quasi-random", "tpe", "cma-es", "nsga-ii"])
def test_a_mishap_is_told_once_and_the_search_goes_on(
    sampler: str, pruner: str, status: str
) -> None:
    fates = {(0, 0): status, (4, 0): status, (5, 1): status}
    story, _ = carry_out(plan_of(search(sampler, pruner)), fates=fates)
    assert len(story.trials) == 9
    assert story.trials[0].state == story.trials[4].state == status
    assert story.trials[0].values is None
    assert story.trials[0].reason
    best = story.best("base")
    assert best
    assert best.state == "complete"


def test_when_all_trials_fail_nothing_is_confirmed() -> None:
    fates = {(n, 0): "failed" for n in range(9)}
    asked = question(tune={"trials": 9, "space": RATE}, confirm={"max_seeds": 4})
    story, _ = carry_out(plan_of(asked), fates=fates)
    assert story.is_over
    assert {run.phase for run in story.runs} == {"tune"}
    assert len(story.trials) == 6  # there is no best to search around


@pytest.mark.parametrize("status", ["nan", "inf"])
@pytest.mark.parametrize("sampler", ["quasi-random", "tpe", "cma-es", "nsga-ii"])
def test_an_objective_that_is_no_number_is_the_worst(sampler: str, status: str) -> None:
    story, _ = carry_out(plan_of(search(sampler)), fates={(0, 0): status, (4, 0): status})
    assert [trial.number for trial in story.trials] == list(range(9))
    for number in (0, 4):
        assert story.trials[number].state == "diverged"
        assert story.trials[number].values is None
    best = story.best("base")
    assert best
    assert best.number not in (0, 4)
