"""Budgets of one call: never exceeded, and a sweep in pieces comes to what it comes to at once."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab.config.order import WorkOrder
from lab.errors import ConfigError
from lab.files import read_json
from lab.sweep.allowance import Allowance, flops, seconds, step_of
from lab.sweep.plan import Plan, PlannedRun
from tests.sweep.crew import FakeLauncher, settled, supervisor
from tests.sweep.simulated import question

pytestmark = pytest.mark.usefixtures("quick")
STEPS = 100  # of every run


def plan() -> Plan:
    variants = {name: {"model.norm.eps": 1e-6 * (k + 1)} for k, name in enumerate("abc")}
    asked = question(variants=variants, confirm={"max_seeds": 6, "margin": 0.02})
    return Plan(asked, "digest", settled=settled(asked))


def loss(order: WorkOrder) -> float:
    gain = 0.3 if order.labels["variant"] == "b" else 0.0
    return 2.0 - gain + random.Random(order.run).gauss(0, 0.01)


def a_run(**changes: Any) -> PlannedRun:
    made = plan().run("a", "confirm", 1)
    return PlannedRun(**{**made.__dict__, **changes})


@dataclass
class Pieces:
    """A sweep called again and again, each time with a new allowance."""

    path: Path
    allowance: Callable[[], Allowance]
    workers: int = 2
    started: list[list[str]] = field(default_factory=list)
    why: list[str | None] = field(default_factory=list)

    def to_the_end(self) -> "Pieces":
        for _ in range(40):
            launcher = FakeLauncher(self.workers, loss)
            allowance = self.allowance()
            finished = supervisor(self.path, plan(), launcher, allowance=allowance).run()
            self.started.append(launcher.started)
            self.why.append(allowance.why)
            if finished:
                return self
        raise AssertionError("it does not come to an end")

    @property
    def each(self) -> list[str]:
        return [run for piece in self.started for run in piece]

    def results(self) -> dict[str, Any]:
        """Of the runs that the plan came to."""
        rounds = read_json(self.path / "schedule.json")["rounds"]
        names = {name for batch in rounds for name in batch}
        return {n: read_json(self.path / "runs" / n / "result.json") for n in sorted(names)}


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("n", [1, 3])
def test_so_many_runs_a_call_come_to_the_same(tmp_path: Path, workers: int, n: int) -> None:
    whole = Pieces(tmp_path / "whole", Allowance, workers).to_the_end()
    parts = Pieces(tmp_path / "parts", lambda: Allowance(max_runs=n), workers).to_the_end()
    assert parts.results() == whole.results()
    assert len(parts.started) > 3
    assert all(len(piece) <= n for piece in parts.started)  # those ahead of the plan, too
    assert len(parts.each) == len(set(parts.each))
    assert parts.why[0] == f"--max-runs {n} is used up"


@pytest.mark.parametrize("workers", [1, 5])
def test_flops_are_never_exceeded(tmp_path: Path, workers: int) -> None:
    def allowance() -> Allowance:
        return Allowance(max_flops=250.0, flops_a_step=lambda run: 1.0)

    whole = Pieces(tmp_path / "whole", Allowance, workers).to_the_end()
    parts = Pieces(tmp_path / "parts", allowance, workers).to_the_end()
    assert parts.results() == whole.results()
    assert {len(piece) for piece in parts.started[:-1]} == {2}
    assert parts.why[0] is not None
    assert parts.why[0].startswith("of --max-flops 250 there are 50 left, and ")
    assert parts.why[0].endswith(" takes 100")


def test_what_is_under_way_when_time_is_up_is_stopped_and_continued(tmp_path: Path) -> None:
    """Each look at the clock takes a second, so that a call has time for some runs only."""

    def allowance() -> Allowance:
        ticks = iter(range(10_000))
        return Allowance(max_time=12.0, clock=lambda: float(next(ticks)))

    whole = Pieces(tmp_path / "whole", Allowance).to_the_end()
    parts = Pieces(tmp_path / "parts", allowance).to_the_end()
    assert parts.results() == whole.results()
    assert len(parts.started) > 2
    assert parts.why[0] == "--max-time 12s is over"


def test_an_allowance_that_suffices_says_nothing(tmp_path: Path) -> None:
    enough = Pieces(tmp_path, lambda: Allowance(max_runs=100, max_time=1e6)).to_the_end()
    assert (len(enough.started), enough.why) == (1, [None])


def test_nothing_is_begun_where_the_first_run_is_too_much(tmp_path: Path) -> None:
    allowance = Allowance(max_flops=99.0, flops_a_step=lambda run: 1.0)
    launcher = FakeLauncher(2, loss)
    made = supervisor(tmp_path, plan(), launcher, allowance=allowance)
    assert not made.run()
    assert made.is_spent
    assert allowance.is_untouched
    assert launcher.started == []


def test_a_run_that_is_tried_again_counts_once(tmp_path: Path) -> None:
    first = plan().rounds({})[0][0]
    fates = {(first.variant, first.seed): [1, 1, "complete"]}
    launcher = FakeLauncher(1, loss, fates=fates)
    supervisor(tmp_path, plan(), launcher, allowance=Allowance(max_runs=2)).run()
    assert launcher.started.count(first.name) == 3
    assert len(set(launcher.started)) == 2


def test_a_continued_run_takes_what_is_left_of_it() -> None:
    stands = {"at": 90}
    run = a_run()
    allowance = Allowance(
        max_flops=10.0, flops_a_step=lambda run: 1.0, stands=lambda run: stands["at"]
    )
    assert allowance.may_start(run)
    allowance.begin(run)
    stands["at"] = 95  # it crashed, and is tried again
    assert allowance.may_start(run)
    stands["at"] = 0
    assert not allowance.may_start(a_run(name="another"))


def test_a_run_is_counted_as_far_as_it_was_last_asked_to_come() -> None:
    """As one is that paused at a rung, and goes on in the same call."""
    allowance = Allowance(max_flops=float(STEPS), flops_a_step=lambda run: 1.0)
    allowance.begin(a_run(until=25))
    assert allowance.may_start(a_run())
    allowance.begin(a_run())
    assert not allowance.may_start(a_run(name="another", until=1))


def test_the_step_of_the_newest_checkpoint_is_where_a_run_stands(tmp_path: Path) -> None:
    assert step_of(tmp_path) == 0
    for name in ("000000010.json", "000000020.json", "000000030.safetensors", "odd.json"):
        (tmp_path / "checkpoint").mkdir(exist_ok=True)
        (tmp_path / "checkpoint" / name).touch()
    assert step_of(tmp_path) == 20


@pytest.mark.parametrize(
    ("text", "value"), [("90s", 90), ("30m", 1800), ("1.5h", 5400), (" 2d ", 172_800)]
)
def test_times_have_units(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["90", "0s", "-1h", "h", "1h30m", "1e3s", "∞", "", "٣h"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is no time; write a number .* such as 90s, 30m or 2h$"):
        seconds(text)


@pytest.mark.parametrize("text", ["many", "0", "-1e9", "nan", "inf", "1e999", "1e15 FLOPs", ""])
def test_what_is_no_number_of_flops_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no number of FLOPs; write one above 0"):
        flops(text)


def test_flops_are_a_number() -> None:
    assert flops("1e15") == 1e15
