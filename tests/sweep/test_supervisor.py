"""Idle workers, mishaps and signals change how long a sweep takes, and nothing that is judged."""

import errno
import itertools
import math
import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.order import WorkOrder
from lab.errors import NoSpace
from lab.files import read_json, write_json
from lab.sweep.plan import Plan
from lab.sweep.signals import caught, say
from lab.sweep.supervisor import Supervisor
from tests.sweep.crew import Crew, FakeLauncher, settled, supervisor, sweep
from tests.sweep.simulated import question

pytestmark = pytest.mark.usefixtures("quick")
GAINS = {"a": 0.0, "b": -0.3, "c": 0.0, "d": -0.03}


def asked(**confirm: Any) -> Any:
    variants = {name: {"model.norm.eps": 1e-6 * (k + 1)} for k, name in enumerate(GAINS)}
    return question(variants=variants, confirm={"max_seeds": 9, "margin": 0.02, **confirm})


def plan_of(**confirm: Any) -> Plan:
    found = asked(**confirm)
    return Plan(found, "digest", settled=settled(found))


def loss(order: WorkOrder) -> float:
    seed, arm = order.config.seed, order.labels["variant"].removesuffix("-twin")
    noise = random.Random(f"{order.run}").gauss(0, 0.01)
    return 2.0 + 0.02 * math.sin(seed) + GAINS[arm] + noise


def crew(path: Path, workers: int, **more: Any) -> Crew:
    return sweep(path, plan_of(), FakeLauncher(workers, loss, **more))


def test_one_worker_runs_nothing_ahead(tmp_path: Path) -> None:
    alone = crew(tmp_path, 1)
    assert alone.finished
    assert alone.schedule["surplus"] == []
    assert alone.launcher.started == [name for batch in alone.rounds for name in batch]
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {*alone.launcher.started}


@pytest.mark.parametrize("workers", [2, 3, 7, 64])
def test_the_number_of_workers_changes_nothing_that_is_judged(tmp_path: Path, workers: int) -> None:
    alone, many = crew(tmp_path / "1", 1), crew(tmp_path / "n", workers)
    assert many.rounds == alone.rounds
    assert many.supervisor.results.keys() == alone.supervisor.results.keys()
    metrics = [
        {name: found["metrics"] for name, found in each.supervisor.results.items()}
        for each in (alone, many)
    ]
    assert metrics[0] == metrics[1]
    assert many.launcher.busiest > 1
    assert len(set(many.launcher.started)) == len(many.launcher.started)  # none is trained twice


def test_runs_ahead_are_those_that_come_next_and_may_be_needed(tmp_path: Path) -> None:
    many = crew(tmp_path, 24)
    first = [name for batch in many.rounds[:1] for name in batch]
    assert many.launcher.started[:20] == first  # five arms with a twin, four seeds
    assert [name.rsplit("-", 1)[0] for name in many.launcher.started[20:24]] == [
        "a-5", "b-5", "c-5", "d-5",
    ]  # fmt: skip


def test_what_nobody_asked_for_is_surplus_and_counts_nowhere(tmp_path: Path) -> None:
    many = crew(tmp_path, 64)
    surplus = many.schedule["surplus"]
    assert surplus
    assert not {*surplus} & many.supervisor.results.keys()
    assert not {*surplus} & {name for batch in many.schedule["rounds"] for name in batch}
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {
        *surplus, *many.supervisor.results
    }  # fmt: skip
    assert all((tmp_path / "runs" / name / "result.json").is_file() for name in surplus)


def test_a_run_ahead_that_is_under_way_when_its_arm_is_settled_is_stopped(tmp_path: Path) -> None:
    slow = crew(tmp_path, 64, seconds=lambda order: order.config.seed**2)
    assert slow.finished
    left = {name for name in slow.launcher.started if name not in slow.supervisor.results}
    assert any(name.startswith("b-") for name in left)  # settled by its first seeds
    assert not any((tmp_path / "runs" / name).exists() for name in left)
    assert slow.schedule["surplus"] == []


def test_a_run_ahead_that_is_asked_for_meanwhile_goes_on(tmp_path: Path) -> None:
    slow = crew(tmp_path, 21, seconds=lambda order: 1 + (order.config.seed > 4))
    assert slow.rounds == crew(tmp_path / "alone", 1).rounds
    assert len(set(slow.launcher.started)) == len(slow.launcher.started)


@pytest.mark.parametrize("fate", ["failed", -9, "diverged"])
def test_a_run_ahead_that_ends_badly_counts_once_it_is_asked_for(tmp_path: Path, fate: Any) -> None:
    alone = crew(tmp_path / "1", 1, fates={("c", 5): fate})
    many = crew(tmp_path / "n", 64, fates={("c", 5): fate})
    assert many.rounds == alone.rounds
    lost = [name for name in many.supervisor.results if name.startswith("c-5-")]
    assert [many.supervisor.results[name]["status"] for name in lost] == [
        "diverged" if fate == "diverged" else "failed"
    ]
    assert many.launcher.started.count(lost[0]) == (3 if fate == -9 else 1)


def test_a_run_ahead_that_ends_badly_and_is_not_asked_for_spoils_nothing(tmp_path: Path) -> None:
    alone = crew(tmp_path / "1", 1)
    last = max(int(name.split("-")[1]) for name in alone.supervisor.results if name[0] == "b")
    many = crew(tmp_path / "n", 64, fates={("b", last + 1): "failed", ("b", last + 2): 1})
    assert many.rounds == alone.rounds
    assert {found["status"] for found in many.supervisor.results.values()} == {"complete"}
    surplus = {name.split("-")[1] for name in many.schedule["surplus"] if name[0] == "b"}
    assert str(last + 1) in surplus
    assert str(last + 2) not in surplus  # it had attempts left, and nobody asked for them
    assert not list((tmp_path / "n" / "runs").glob(f"b-{last + 2}-*"))


@settings(max_examples=10, deadline=None)
@given(
    workers=st.lists(st.integers(1, 40), min_size=1, max_size=2),
    after=st.integers(1, 60),
    pace=st.integers(0, 100),
)
def test_interrupted_anywhere_and_gone_on_with_by_any_number_of_workers(
    tmp_path_factory: pytest.TempPathFactory, workers: list[int], after: int, pace: int
) -> None:
    path = tmp_path_factory.mktemp("sweep")

    def seconds(order: WorkOrder) -> float:
        return random.Random(f"{pace} {order.run}").uniform(0.5, 5)

    alone = crew(path / "1", 1)
    for slots in workers:
        crew(path / "n", slots, seconds=seconds, interrupt=after)
    last = crew(path / "n", 2, seconds=seconds)
    assert last.finished
    assert last.schedule["rounds"] == alone.schedule["rounds"]
    there = {folder.name for folder in (path / "n" / "runs").iterdir()}
    assert there == {*last.supervisor.results, *last.schedule["surplus"]}


def test_an_interrupt_saves_the_runs_ahead_too(tmp_path: Path) -> None:
    first = crew(tmp_path, 30, seconds=lambda order: order.config.seed, interrupt=28)
    assert not first.finished
    saved = {path.parent.name for path in tmp_path.glob("runs/*/checkpoint")}
    assert any(name.split("-")[-2] == "5" for name in saved)
    assert {path.name for path in tmp_path.glob("runs/*")} == saved | {
        path.parent.name for path in tmp_path.glob("runs/*/result.json")
    }


def test_a_search_runs_nothing_ahead(tmp_path: Path) -> None:
    tune = {"trials": 6, "space": {"train.optimizer.lr": {"low": 1e-4, "high": 1e-1, "log": True}}}
    found = question(variants=asked().variants, tune=tune, confirm={"max_seeds": 9})
    plan = Plan(found, "digest", settled=settled(found))
    many = sweep(tmp_path, plan, FakeLauncher(64, loss))
    tuned = [*many.rounds[0], *many.rounds[1]]
    assert many.launcher.started[: len(tuned)] == tuned
    assert many.launcher.started[len(tuned) :][:20] == many.rounds[2]


FLAT = {"tune": None, "confirm": {"test": "fixed", "max_seeds": 2}}


def flat(path: Path, workers: int = 1, *, retries: int = 2, **more: Any) -> Supervisor:
    """Eight runs in one round; `fates` go to the launcher, the rest to the supervisor."""
    variants = {name: {"model.norm.eps": 1e-6 * (k + 1)} for k, name in enumerate(GAINS)}
    found = question(variants=variants, retries=retries, timeout=5, **FLAT)
    plan = Plan(found, "digest", settled=settled(found))
    keys = ("fates", "interrupt", "seconds")
    launcher = FakeLauncher(workers, loss, **{key: more.pop(key) for key in keys if key in more})
    return supervisor(path, plan, launcher, **more)


def statuses(made: Supervisor) -> dict[str, str]:
    return {name[:3]: str(found["status"]) for name, found in made.results.items()}


@pytest.mark.parametrize("workers", [1, 3])
def test_a_run_that_crashes_is_tried_again_and_then_like_any_other(
    tmp_path: Path, workers: int, caplog: pytest.LogCaptureFixture
) -> None:
    made = flat(tmp_path, workers, fates={("b", 1): [-9, 1]})
    assert made.run()
    assert {*statuses(made).values()} == {"complete"}
    (name,) = (name for name in made.results if name.startswith("b-1-"))
    kept = read_json(tmp_path / "runs" / name / "attempts.json")
    assert [attempt["error"] for attempt in kept] == ["killed by SIGKILL", "ended with code 1"]
    alone = flat(tmp_path / "alone", workers)
    assert alone.run()
    assert made.results == alone.results
    assert f"{name}: killed by SIGKILL; it is tried again (2 of 3)" in caplog.messages


def test_a_run_that_always_crashes_fails_alone(tmp_path: Path) -> None:
    made = flat(tmp_path, 2, fates={("b", 1): -11})
    assert made.run()
    assert [name for name, status in statuses(made).items() if status != "complete"] == ["b-1"]
    (failed,) = (found for found in made.results.values() if found["status"] == "failed")
    assert failed["error"] == "killed by SIGSEGV (the last of 3 attempts)"
    assert made.launcher.started.count(failed["run"]) == 3


def test_whoever_asks_for_a_failed_run_again_grants_it_all_its_attempts(tmp_path: Path) -> None:
    assert flat(tmp_path, fates={("b", 1): 1}).run()
    again = flat(tmp_path, fates={("b", 1): [1, 1]})
    assert again.run()
    assert again.launcher.started == [next(n for n in again.results if n[:3] == "b-1")] * 3
    assert {*statuses(again).values()} == {"complete"}


def test_a_run_that_diverged_is_never_trained_again(tmp_path: Path) -> None:
    assert flat(tmp_path, fates={("b", 1): "diverged"}).run()
    again = flat(tmp_path)
    assert again.run()
    assert not again.launcher.started
    assert statuses(again)["b-1"] == "diverged"


def test_attempts_are_counted_over_interruptions(tmp_path: Path) -> None:
    first = flat(tmp_path, fates={("a", 1): [1, 1, 1]}, interrupt=3)
    assert not first.run()
    again = flat(tmp_path, fates={("a", 1): [1]})
    assert again.run()
    assert statuses(again)["a-1"] == "failed"
    assert len([name for name in again.launcher.started if name[:3] == "a-1"]) == 1


def test_without_retries_a_run_has_one_attempt(tmp_path: Path) -> None:
    made = flat(tmp_path, retries=0, fates={("b", 1): 3})
    assert made.run()
    (failed,) = (found for found in made.results.values() if found["status"] == "failed")
    assert failed["error"] == "ended with code 3"


def test_a_run_that_hangs_is_killed_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The clock jumps by an hour a look, as of a machine that slept: each counts as a second."""
    clock = itertools.count(0, 3600).__next__
    made = flat(tmp_path, 2, fates={("a", 1): ["hang"]}, clock=clock)
    with caplog.at_level("INFO", logger="lab.sweep"):
        assert made.run()
    assert {*statuses(made).values()} == {"complete"}
    events = [record.fields["event"] for record in caplog.records if hasattr(record, "fields")]
    assert events.count("hung") == events.count("retried") == 1
    (kept,) = read_json(next(tmp_path.glob("runs/a-1-*/attempts.json")))
    assert kept["error"] == "hung, for 5 s without progress"


def test_progress_keeps_a_run_from_hanging(tmp_path: Path) -> None:
    """And a supervisor that hears of none looks again and again before it believes it."""
    made = flat(tmp_path, 1, fates={("a", 1): "hang"}, retries=0)
    looks, folder = [0], []

    def clock() -> float:
        looks[0] += 1
        for progress in tmp_path.glob("runs/a-1-*"):
            if looks[0] < 200:
                folder.append(progress)
                write_json(progress / "progress.json", {"step": looks[0]})
                os.utime(progress / "progress.json", ns=(looks[0], looks[0]))
        return float(looks[0])

    made.clock = clock
    assert made.run()
    assert statuses(made)["a-1"] == "failed"
    assert "hung, for 5 s without progress at step 199" in str(made.results)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_full_disk_stops_the_sweep_and_is_no_attempt(tmp_path: Path, workers: int) -> None:
    made = flat(tmp_path, workers, fates={("b", 1): ["full"]}, seconds=lambda o: o.config.seed)
    with pytest.raises(NoSpace, match="once there is room the same command continues"):
        made.run()
    assert not made.jobs
    assert not list(tmp_path.glob("runs/*/attempts.json"))
    assert len(made.launcher.started) < 8
    again = flat(tmp_path, workers)
    assert again.run()
    assert {*statuses(again).values()} == {"complete"}
    done = {name for name, found in made.results.items() if found["status"] == "complete"}
    assert not done & {*again.launcher.started}


@pytest.mark.parametrize(
    "where", ["run_folder.write_json", "sweep.trying_again.write_json", "keeper"]
)
def test_an_error_of_the_supervisor_itself_is_told_once_the_runs_have_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    made = flat(tmp_path, 3, fates={("b", 1): 1}, seconds=lambda o: o.config.seed, retries=0)

    def fail(*args: Any, **more: Any) -> None:
        if len(made.launcher.started) > 3 or where != "run_folder.write_json":
            raise NoSpace("the disk is full")
        write_json(*args)

    if where == "keeper":
        made.on_advance = fail
    else:
        monkeypatch.setattr(f"lab.{where}", fail)
    with pytest.raises(NoSpace):
        made.run()
    assert not made.jobs
    saved = [name for name in made.launcher.started if name not in made.results]
    for name in saved if where == "run_folder.write_json" else ():
        assert (tmp_path / "runs" / name / "checkpoint").is_dir()
    monkeypatch.undo()
    again = flat(tmp_path, 3)
    assert again.run()
    assert {*statuses(again).values()} == {"complete"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_signal_that_asks_for_an_end_saves_the_runs(
    tmp_path: Path, number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    made = flat(tmp_path, 3, seconds=lambda order: order.config.seed)
    made.on_advance = lambda story: signal.raise_signal(number)
    assert not made.run()
    assert signal.getsignal(number) == before
    assert "once more ends them now" in capfd.readouterr().err
    assert flat(tmp_path).run()


def test_a_second_signal_ends_a_supervisor_that_waits_for_nobody(tmp_path: Path) -> None:
    made = flat(tmp_path)

    def twice(story: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    made.on_advance = twice
    with pytest.raises(KeyboardInterrupt):
        made.run()


def test_a_terminal_that_has_gone_is_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(handle: int, line: bytes) -> int:
        raise OSError(errno.EIO, "Input/output error")

    redirected = []
    monkeypatch.setattr("lab.sweep.signals.os.write", gone)
    monkeypatch.setattr("lab.sweep.signals.os.dup2", lambda old, new: redirected.append(new))
    say(b"stopping")
    assert redirected == [1, 2]


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with caught(lambda: None):
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, signal.SIG_IGN)
    finally:
        signal.signal(signal.SIGHUP, before)
