"""Running ahead: idle workers change how long a sweep takes, and nothing else."""

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.order import WorkOrder
from lab.sweep.plan import Plan
from tests.sweep.crew import Crew, FakeLauncher, settled, sweep
from tests.sweep.simulated import question


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    """Nobody pulls the plug here, or reads a config."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lab.files.sync", lambda path: None)
        patch.setattr("lab.sweep.supervisor.dump_yaml", str)
        yield


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


@pytest.mark.parametrize("fate", ["failed", "died", "diverged"])
def test_a_run_ahead_that_ends_badly_counts_once_it_is_asked_for(tmp_path: Path, fate: str) -> None:
    alone = crew(tmp_path / "1", 1, fates={("c", 5): fate})
    many = crew(tmp_path / "n", 64, fates={("c", 5): fate})
    assert many.rounds == alone.rounds
    lost = [name for name in many.supervisor.results if name.startswith("c-5-")]
    assert [many.supervisor.results[name]["status"] for name in lost] == [
        "diverged" if fate == "diverged" else "failed"
    ]
    assert many.launcher.started.count(lost[0]) == 1


def test_a_run_ahead_that_ends_badly_and_is_not_asked_for_spoils_nothing(tmp_path: Path) -> None:
    alone = crew(tmp_path / "1", 1)
    last = max(int(name.split("-")[1]) for name in alone.supervisor.results if name[0] == "b")
    many = crew(tmp_path / "n", 64, fates={("b", last + 1): "failed", ("b", last + 2): "died"})
    assert many.rounds == alone.rounds
    assert {found["status"] for found in many.supervisor.results.values()} == {"complete"}
    assert {name.split("-")[1] for name in many.schedule["surplus"] if name[0] == "b"} >= {
        str(last + 1), str(last + 2)
    }  # fmt: skip


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
