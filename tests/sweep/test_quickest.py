"""What measured numbers come to."""

import math

import pytest

from lab.sweep.quickest import by_members, by_threads, thread_counts, time_members


@pytest.mark.parametrize(
    ("cores", "counts"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 6]), (8, [1, 2, 4, 8]), (9, [1, 9])]
)
def test_all_cores_are_taken_by_any_number_of_threads(cores: int, counts: list[int]) -> None:
    assert thread_counts(cores) == counts
    assert all(cores % n == 0 for n in counts)


def test_more_threads_than_one_must_earn_it() -> None:
    rates = {1: 100.0, 2: 104.0, 4: 60.0}
    found = by_threads(rates, cores=4, device="cpu")
    assert (found.kind, found.threads, found.workers, found.device) == ("alone", 1, 4, "cpu")
    assert found.why == "together 0.96 times the tokens a second of 2 at a time on 2 threads"
    better = by_threads({**rates, 4: 200.0}, cores=4, device="cpu")
    assert (better.threads, better.workers) == (4, 1)
    assert better.why == "together 1.92 times the tokens a second of 2 at a time on 2 threads"
    assert better.measured["tokens a second, threads=4"] == 200.0


def test_one_core_leaves_nothing_to_choose() -> None:
    found = by_threads({1: 50.0}, cores=1, device="cpu")
    assert (found.threads, found.workers, found.why) == (1, 1, "")


def test_sizes_are_tried_while_more_members_help() -> None:
    """Where they help no more, two sizes on: chance may have been in the way once."""
    tried = []

    def seconds(members: int) -> float:
        tried.append(members)
        return max(1 / members, 1 / 8)

    assert time_members(seconds, most=256) == {
        1: 1.0,
        2: 0.5,
        4: 0.25,
        8: 1 / 8,
        16: 1 / 8,
        32: 1 / 8,
    }
    assert tried == [1, 2, 4, 8, 16, 32]
    assert list(time_members(lambda members: 1.0, most=256)) == [1, 2, 4]
    assert list(time_members(lambda members: 1 / members, most=6)) == [1, 2, 4]


def test_a_size_that_memory_does_not_suffice_for_is_the_last() -> None:
    found = time_members(lambda members: math.inf if members > 4 else 1 / members, most=256)
    assert found == {1: 1.0, 2: 0.5, 4: 0.25}
    assert time_members(lambda members: math.inf, most=256) == {}


def test_of_sizes_that_are_as_quick_the_smaller_is_taken() -> None:
    seconds = {1: 1.0, 2: 0.6, 4: 0.501, 8: 0.5}
    found = by_members(seconds, alone=1.0, device="cuda", choose=True)
    assert (found.kind, found.members, found.threads, found.workers) == ("cohort", 4, 1, None)
    assert found.why == "in a cohort of 4 a run takes 0.50 of its time alone"
    assert found.measured["seconds a token, alone"] == 1.0
    assert found.measured["seconds a token, members=8"] == 0.5


@pytest.mark.parametrize(("alone", "kind"), [(1.00, "alone"), (1.02, "alone"), (1.06, "cohort")])
def test_a_gain_within_the_noise_is_none(alone: float, kind: str) -> None:
    found = by_members({1: 1.2, 2: 1.0}, alone=alone, device="cpu", choose=True)
    assert found.kind == kind
    assert found.why.startswith("in a cohort of 2 a run takes ")


def test_a_cohort_that_is_asked_for_is_one_however_slow() -> None:
    slow = {1: 1.1, 2: 1.3}
    chosen = by_members(slow, alone=1.0, device="cpu", choose=True)
    assert (chosen.kind, chosen.members) == ("alone", 1)
    assert chosen.why == "in a cohort of 1 a run takes 1.10 of its time alone"
    asked = by_members(slow, alone=1.0, device="cpu", choose=False)
    assert (asked.kind, asked.members) == ("cohort", 1)


@pytest.mark.parametrize(("choose", "kind"), [(True, "alone"), (False, "cohort")])
def test_where_there_is_no_memory_for_any_it_says_so(choose: bool, kind: str) -> None:
    found = by_members({}, alone=1.0, device="cuda", choose=choose)
    assert (found.kind, found.members) == (kind, 1)
    assert "no memory" in found.why
