"""How runs are executed: what a question may ask for, and what of it stands in a plan."""

from typing import Any

import pytest
from pydantic import ValidationError

from lab.config.execution import Executed, kept_executed, stated
from lab.config.explain import explained
from lab.config.sweep import SweepConfig
from tests.sweep.simulated import plan_of, question

MEASURED = ({"kind": "alone", "threads": "auto"}, {"kind": "cohort"}, {"kind": "auto"})


def faults(**changes: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        question(**changes)
    return explained(caught.value, SweepConfig)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (None, Executed()),
        ({"kind": "alone"}, Executed(kind="alone", members=1, threads=1)),
        ({"kind": "alone", "threads": 3}, Executed(threads=3)),
        ({"kind": "cohort", "members": 8}, Executed(kind="cohort", members=8)),
        *((asked, None) for asked in MEASURED),
    ],
)
def test_a_question_says_it_or_leaves_it_to_a_measurement(asked: Any, found: Any) -> None:
    made = question(execution=asked)
    assert stated(made.execution) == found
    assert SweepConfig.parse(made.dump()) == made


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"kind": "cohrt"}, "execution: unknown kind 'cohrt'; did you mean 'cohort'?"),
        ({"kind": "auto", "members": 3}, "execution.members: unknown key; valid: kind"),
        (
            {"threads": 2},
            "execution: needs a kind, such as {kind: alone or cohort or auto}; got {'threads': 2}",
        ),
        *(
            (
                {"kind": "alone", "threads": value},
                "execution.threads: takes a whole number from 1 on, or auto to have it measured; "
                f"got {value!r}",
            )
            for value in (0, -1, True, 1.5, "all")
        ),
    ],
)
def test_what_cannot_be_is_told_in_one_line(asked: Any, told: str) -> None:
    assert faults(execution=asked) == [told]


@pytest.mark.parametrize("asked", [*MEASURED, {"kind": "cohort", "members": 2}])
def test_seconds_are_matched_of_runs_alone_on_a_known_number_of_threads(asked: Any) -> None:
    more = {"variants": {"a": {}, "b": {"model.d_model": 32}}, "match": "wall-clock"}
    (told,) = faults(execution=asked, **more)
    assert told.endswith("take execution: {kind: alone, threads: 1}, or match: flops")
    assert question(execution={"kind": "alone", "threads": 2}, **more).match == "wall-clock"


def test_the_execution_is_no_part_of_a_run() -> None:
    asked = (None, *MEASURED, {"kind": "cohort", "members": 2}, {"kind": "alone", "threads": 9})
    runs = [
        plan_of(question(execution=each, confirm={"max_seeds": 2})).run("base", "confirm", 1)
        for each in asked
    ]
    assert {run.name for run in runs} == {runs[0].name}
    assert {run.digest for run in runs} == {runs[0].digest}
    assert all(run.config == runs[0].config for run in runs)


def test_what_was_measured_stands_for_the_same_base_run_asked_the_same_way() -> None:
    asked = question(execution={"kind": "auto"})
    found = Executed(kind="cohort", members=8, device="cuda", measured={"a": 1.5}, why="so it is")
    plan = {"resolved": asked.dump(), "execution": found.dump()}
    again = question(execution={"kind": "auto"}, confirm={"max_seeds": 5}).dump()
    assert kept_executed(plan, again, device="cuda") == found
    assert kept_executed(plan, again, device=None) == found
    assert kept_executed(plan, again, device="cpu") is None
    assert kept_executed({}, again, device=None) is None
    for other in ({"execution": {"kind": "cohort"}}, {"base": {**again["base"], "seed": 1}}):
        assert kept_executed(plan, again | other, device=None) is None
    for damage in ({}, {"execution": None}, {"execution": {"members": 0}}):
        assert kept_executed({"resolved": asked.dump(), **damage}, again, device=None) is None


def test_it_is_told_in_a_sentence() -> None:
    assert Executed().in_words(workers=2) == "each run goes alone on 1 thread, 2 at a time"
    cohort = Executed(kind="cohort", members=8, why="it is quick")
    assert cohort.in_words(workers=1) == (
        "runs go in cohorts of up to 8 of one shape, 1 at a time: it is quick"
    )
    assert Executed(threads=4).in_words(workers=3).startswith("each run goes alone on 4 threads")


def test_there_are_as_many_jobs_as_cores_have_room_for() -> None:
    assert [Executed(threads=n).at_a_time(cores=8) for n in (1, 3, 8, 9)] == [8, 2, 1, 1]
    assert Executed(workers=5).at_a_time(cores=8) == 5
