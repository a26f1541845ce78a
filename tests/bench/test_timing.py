"""Turns, repetitions and seconds, on a clock that stands still but for what is done."""

from collections.abc import Callable

import pytest

from lab.bench.timing import FEWEST, WARM_UP, in_turn


class Time:
    def __init__(self) -> None:
        self.now = 0.0
        self.done: list[str] = []
        self.settled = 0

    def __call__(self) -> float:
        return self.now

    def settle(self) -> None:
        self.settled += 1

    def takes(self, name: str, *seconds: float) -> Callable[[], None]:
        """A thing that takes so long at its first call, its second, …, and then as at its last."""
        left = list(seconds)

        def do() -> None:
            self.done.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return do


def test_sides_take_turns_and_who_begins_changes() -> None:
    time = Time()
    sides = {name: time.takes(name, 1.0) for name in "abc"}
    found = in_turn(sides, rounds=4, clock=time)
    assert found == {name: [1.0] * 4 for name in "abc"}
    assert "".join(time.done[-12:]) == "abc" + "bca" + "cab" + "abc"


def test_a_call_is_timed_after_warming_up() -> None:
    time = Time()
    first = [0.25] * WARM_UP
    found = in_turn({"a": time.takes("a", *first, 0.125, 0.0625, 0.5)}, rounds=3, clock=time)
    assert found == {"a": [0.125, 0.0625, 0.5]}


def test_what_is_slow_is_called_once_before_it_is_timed() -> None:
    time = Time()
    in_turn({"a": time.takes("a", 5.0)}, rounds=2, clock=time)
    assert len(time.done) == 1 + 2


def test_what_is_short_is_repeated_within_a_timing() -> None:
    time = Time()
    sides = {"short": time.takes("short", 0.25), "long": time.takes("long", 4.0)}
    found = in_turn(sides, rounds=3, at_least=1.0, clock=time)
    assert found == {"short": [0.25] * 3, "long": [4.0] * 3}
    assert time.done.count("short") == WARM_UP + 3 * 4
    assert time.done.count("long") == 1 + 3


def test_so_many_calls_may_be_one_timing() -> None:
    time = Time()
    with_rows = time.takes("a", *[0.0] * WARM_UP, *[1.0] * 9, 3.0, 1.0)
    found = in_turn({"a": with_rows}, rounds=1, together={"a": 10}, clock=time)
    assert found == {"a": [1.2]}


def test_rounds_are_fewer_where_they_would_take_too_long() -> None:
    time = Time()
    sides = {"a": time.takes("a", 1.0), "b": time.takes("b", 3.0)}
    assert len(in_turn(sides, rounds=50, most=40.0, clock=time)["a"]) == 10
    assert len(in_turn(sides, rounds=50, most=1.0, clock=time)["a"]) == FEWEST


def test_a_device_is_waited_for_before_the_clock_is_read() -> None:
    time = Time()
    behind = 0.0

    def launch() -> None:
        nonlocal behind
        behind += 2.0

    def settle() -> None:
        nonlocal behind
        time.now += behind
        behind = 0.0

    found = in_turn({"a": launch}, rounds=2, clock=time, settle=settle)
    assert found == {"a": [2.0, 2.0]}


def test_what_takes_no_time_at_all_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.bench.timing.MOST", 7)
    time = Time()
    assert in_turn({"a": time.takes("a", 0.0)}, rounds=2, at_least=1.0, clock=time) == {"a": [0, 0]}
    assert len(time.done) == WARM_UP + 2 * 7
