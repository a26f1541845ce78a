"""Who is started when, and with whom: the longest first, and nobody waits for company."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.sweep.plan import PlannedRun
from lab.sweep.queue import Queue
from tests.sweep.simulated import plan_of, question

RUN = plan_of(question(confirm={"max_seeds": 4})).run("base", "confirm", 1)


def runs(names: Iterable[str]) -> list[PlannedRun]:
    return [PlannedRun(**{**RUN.__dict__, "name": name}) for name in names]


def waiting(
    asked: Iterable[str], ahead: Iterable[str] = (), cost: Any = lambda run: 0.0, **more: Any
) -> Queue:
    """Runs of one first letter are alike; those that begin with an underscore go alone."""
    more = {"slots": 2, "members": 4, **more}
    alike = lambda run: None if run.name[0] == "_" else run.name[0]  # noqa: E731
    queue = Queue(alike=alike, **more)
    queue.renew(runs(asked), iter(runs(ahead)), cost=cost)
    return queue


def taken(queue: Queue, n: int, *, allowed: int = 1000) -> list[list[str]]:
    """The jobs that fill so many free slots at once."""
    jobs, left = queue.jobs, iter(range(allowed))
    found = [queue.take(lambda run: next(left, None) is not None, jobs=jobs - k) for k in range(n)]
    return [[run.name for run in job] for job in found]


def test_the_longest_run_is_started_first_and_equal_ones_in_the_order_of_the_plan() -> None:
    cost = {"a": 2.0, "b": 3.0, "c": 2.0, "d": 3.0, "e": 1.0}
    queue = waiting("abcde", cost=lambda run: cost[run.name], members=1)
    assert taken(queue, 6) == [["b"], ["d"], ["a"], ["c"], ["e"], []]


def test_those_that_are_alike_go_together_and_share_the_slots() -> None:
    names = ["a1", "b1", "a2", "b2", "a3", "b3", "a4"]
    assert taken(waiting(names), 2) == [["a1", "a2", "a3", "a4"], ["b1", "b2", "b3"]]
    eight = [f"a{n}" for n in range(8)]
    assert taken(waiting(eight, members=8), 2) == [eight[:4], eight[4:]]
    assert taken(waiting(eight, members=8, slots=1), 1) == [eight]
    assert taken(waiting(eight, members=3), 2) == [eight[:2], eight[2:4]]  # two waves of two each


def test_the_last_of_a_round_leave_something_for_a_slot_that_is_to_be_free_soon() -> None:
    four = [f"a{n}" for n in range(4)]
    queue = waiting(four)
    assert taken(queue, 1) == [["a0", "a1"]]
    assert taken(queue, 1) == [["a2"]]
    assert taken(queue, 1) == [["a3"]]


def test_one_that_goes_alone_takes_nobody_and_nobody_takes_it() -> None:
    assert taken(waiting(["_1", "_2", "a1", "a2", "a3"]), 3) == [["_1"], ["_2"], ["a1", "a2", "a3"]]
    queue = waiting(["a1", "a2", "a3"], slots=1)
    assert taken(queue, 1) == [["a1", "a2", "a3"]]
    queue.again(runs(["a1", "a2"]))  # which failed
    assert taken(queue, 2) == [["a1"], ["a2"]]


def test_runs_ahead_take_the_slots_that_are_left_one_each() -> None:
    assert taken(waiting(["a1"], ["a2", "a3", "a4"]), 3) == [["a1"], ["a2"], ["a3"]]


def test_on_a_gpu_runs_ahead_are_company_and_those_left_keep_their_order() -> None:
    queue = waiting(["a1"], ["b2", "a2", "b3", "a3", "a4", "a5"], slots=1, fills=True)
    assert taken(queue, 1) == [["a1", "a2", "a3", "a4"]]
    assert taken(queue, 3) == [["b2", "b3"], ["a5"], []]
    asked = waiting(["a1", "a2", "a3"], ["a4", "a5"], fills=True)
    assert taken(asked, 2) == [["a1", "a2"], ["a3", "a4", "a5"]]  # first what is asked for


@pytest.mark.parametrize("fills", [False, True])
def test_what_is_not_allowed_is_neither_started_nor_lost(fills: bool) -> None:
    queue = waiting(["a1", "a2", "a3"], ["a4"], slots=1, fills=fills)
    assert taken(queue, 2, allowed=2) == [["a1", "a2"], []]
    assert taken(queue, 2, allowed=1) == [["a3"], []]
    assert taken(queue, 2) == [["a4"], []]


@given(
    asked=st.lists(st.sampled_from("abc_"), max_size=30),
    ahead=st.lists(st.sampled_from("abc_"), max_size=10),
    slots=st.integers(1, 5),
    members=st.integers(1, 9),
    fills=st.booleans(),
)
def test_everyone_is_started_once_and_no_slot_is_idle_meanwhile(
    asked: list[str], ahead: list[str], slots: int, members: int, fills: bool
) -> None:
    first = [f"{kind}{n}" for n, kind in enumerate(asked)]
    names = first + [f"{kind}{n + len(asked)}" for n, kind in enumerate(ahead)]
    queue = waiting(first, names[len(first) :], slots=slots, members=members, fills=fills)
    found: list[str] = []
    while len(found) < len(names):
        n = len(queue.asked) if fills else len(names) - len(found)
        jobs = taken(queue, slots)
        assert sum(map(bool, jobs)) >= min(slots, n)
        for job in jobs:
            assert len(job) <= members
            assert len({name[0] for name in job}) <= 1
            found += job
    assert sorted(found) == sorted(names)
    assert taken(queue, 1) == [[]]
