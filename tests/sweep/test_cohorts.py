"""Runs that go together begin, end and fail each by itself, and come to what they come to alone."""

import itertools
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.order import WorkOrder
from lab.config.shape import shape_of
from lab.errors import NoSpace
from lab.files import read_json, write_json
from lab.sweep.allowance import Allowance
from lab.sweep.plan import Plan
from lab.sweep.supervisor import Supervisor
from tests.sweep.crew import Crew, FakeJob, FakeLauncher, settled, supervisor, sweep
from tests.sweep.simulated import carry_out, loss_of, plan_of, question
from tests.sweep.test_supervisor import GAINS, loss
from tests.sweep.test_supervisor import plan_of as compared

pytestmark = pytest.mark.usefixtures("quick")


def crew(path: Path, workers: int, *, members: int = 4, device: str = "cpu", **more: Any) -> Crew:
    launcher = FakeLauncher(workers, loss, **more)
    return sweep(path, compared(), launcher, members=members, device=device)


def flat(path: Path, workers: int = 1, *, retries: int = 2, **more: Any) -> Supervisor:
    """Four seeds of one run, which are alike, and of another, in one round."""
    variants = {name: {"model.norm.eps": 1e-6 * (k + 1)} for k, name in enumerate("ab")}
    asked = question(
        variants=variants,
        confirm={"test": "fixed", "max_seeds": 4, "twin": False},
        retries=retries,
        timeout=5,
    )
    keys = ("fates", "interrupt", "seconds", "early")
    launcher = Hasty(workers, loss, **{key: more.pop(key) for key in keys if key in more})
    plan = Plan(asked, "digest", settled=settled(asked))
    return supervisor(path, plan, launcher, **{"members": 4, **more})


class Hasty(FakeLauncher):
    """The runs of the keys in `early` diverge at once, and their jobs go on for a look."""

    def __init__(self, *args: Any, early: Sequence[tuple[str, int]] = (), **more: Any) -> None:
        super().__init__(*args, **more)
        self.early = {*early}

    def wait(self, jobs: Sequence[FakeJob], *, timeout: float) -> None:
        for job in jobs:
            for folder in job.folders:
                order = WorkOrder.parse(read_json(folder / "order.json"))
                key = order.labels["variant"], order.config.seed
                if key in self.early:
                    self.early.remove(key)
                    self.fates[key] = "diverged"
                    self._write(folder, order, "diverged")
                    return
        super().wait(jobs, timeout=timeout)


def statuses(made: Supervisor) -> dict[str, str]:
    return {name[:3]: str(found["status"]) for name, found in made.results.items()}


def short(jobs: Sequence[Sequence[str]]) -> list[list[str]]:
    return [[name[:3] for name in job] for job in jobs]


def attempts(path: Path, name: str) -> list[str]:
    (file,) = path.glob(f"runs/{name}-*/attempts.json")
    return [attempt["error"] for attempt in read_json(file)]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize(("workers", "members"), [(1, 4), (2, 3), (3, 64), (2, 1)])
def test_nothing_that_is_judged_depends_on_who_goes_with_whom(
    tmp_path: Path, workers: int, members: int, device: str
) -> None:
    alone = sweep(tmp_path / "alone", compared(), FakeLauncher(1, loss))
    many = crew(tmp_path / "many", workers, members=members, device=device)
    assert many.finished
    assert many.rounds == alone.rounds
    found = [
        {name: (r["metrics"], r["status"]) for name, r in each.supervisor.results.items()}
        for each in (alone, many)
    ]
    assert found[0] == found[1]
    assert len({*many.launcher.started}) == len(many.launcher.started)
    sizes = {len(job) for job in many.launcher.jobs}
    assert max(sizes) <= members
    assert len(sizes) > 1 or members == 1


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_job_has_orders_of_one_shape_and_one_kind(tmp_path: Path, device: str) -> None:
    many = crew(tmp_path, 2, device=device)
    for job in many.launcher.jobs:
        orders = [
            WorkOrder.parse(read_json(tmp_path / "runs" / name / "order.json"))
            for name in job
            if (tmp_path / "runs" / name).exists()  # one that nobody asked for is gone
        ]
        assert len({shape_of(order.config) for order in orders}) <= 1
        assert {order.execution for order in orders} <= {"cohort"}


def test_a_run_and_its_twin_go_together_and_no_other_arm_does(tmp_path: Path) -> None:
    many = crew(tmp_path, 1, members=64)
    first = [{name.rsplit("-", 2)[0] for name in job} for job in many.launcher.jobs]
    assert {"a", "a-twin"} in first
    assert all(len(arms) == 1 or arms == {"a", "a-twin"} for arms in first)


def test_trials_of_one_shape_go_together_from_rung_to_rung(tmp_path: Path) -> None:
    """Rates differ within a cohort; where one pauses, all of it do."""

    class Pausing(FakeLauncher):
        def _write(self, folder: Path, order: WorkOrder, fate: Any) -> None:
            run = plan.run(
                "base", "tune", order.config.seed, settings=order.settings, until=order.until
            )
            last = order.until or order.config.train.steps
            steps = range(0, last + 1, order.config.train.eval_interval)
            curve = {str(s): {"val/loss": loss_of(run, s)} for s in steps}
            found = {
                "schema": 1, "run": order.run, "digest": order.digest, "seed": order.config.seed,
                "status": "running" if order.until else "complete", "step": last,
                "tokens": last * order.config.tokens_per_step, "evaluations": curve,
                "metrics": curve[str(last)], "model": {}, "timing": {}, "diverged_at": None,
                "error": None, "package": None,
            }  # fmt: skip
            write_json(folder / ("reached.json" if order.until else "result.json"), found)

    space = {"train.optimizer.lr": {"low": 1e-4, "high": 1e-1, "log": True}}
    tune = {"trials": 9, "pruner": {"kind": "successive-halving"}, "space": space, "refine": 3}
    plan = plan_of(question(tune=tune))
    launcher = Pausing(2, loss)
    many = sweep(tmp_path, plan, launcher, members=64)
    assert many.finished
    told, _ = carry_out(plan)
    assert [[run.name for run in batch] for batch in told.rounds] == many.rounds
    assert [len(job) for job in launcher.jobs][:2] == [3, 3]  # of two slots each its half
    assert max(len(job) for job in launcher.jobs[2:]) > 1


@settings(max_examples=10, deadline=None)
@given(
    calls=st.lists(st.tuples(st.integers(1, 6), st.integers(0, 9)), min_size=1, max_size=2),
    after=st.integers(1, 60),
    pace=st.integers(0, 100),
)
def test_interrupted_anywhere_and_gone_on_with_in_other_company(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[int, int]], after: int, pace: int
) -> None:
    path = tmp_path_factory.mktemp("sweep")

    def seconds(order: WorkOrder) -> float:
        return random.Random(f"{pace} {order.run}").uniform(0.5, 5)

    alone = crew(path / "1", 1, members=1)
    for slots, members in calls:
        crew(path / "n", slots, members=members + 1, seconds=seconds, interrupt=after)
    last = crew(path / "n", 2, members=3, seconds=seconds)
    assert last.finished
    assert last.schedule["rounds"] == alone.schedule["rounds"]
    there = {folder.name for folder in (path / "n" / "runs").iterdir()}
    assert there == {*last.supervisor.results, *last.schedule["surplus"]}


@pytest.mark.parametrize("retries", [0, 2])
def test_one_that_takes_its_company_down_fails_alone(
    tmp_path: Path, retries: int, caplog: pytest.LogCaptureFixture
) -> None:
    made = flat(tmp_path, retries=retries, fates={("a", 2): -11})
    assert made.run()
    assert statuses(made) == {
        f"{arm}-{seed}": "failed" if (arm, seed) == ("a", 2) else "complete"
        for arm in "ab"
        for seed in range(1, 5)
    }
    assert short(made.launcher.jobs)[:4] == [
        ["a-1", "a-2", "a-3", "a-4"], ["a-1"], ["a-2"], ["a-2"] if retries else ["a-3"],
    ]  # fmt: skip
    died = "killed by SIGSEGV"
    assert attempts(tmp_path, "a-1") == attempts(tmp_path, "a-4") == [died]
    assert attempts(tmp_path, "a-2") == [died] * (1 + max(1, retries))
    assert not list(tmp_path.glob("runs/b-*/attempts.json"))
    (failed,) = (found for found in made.results.values() if found["status"] == "failed")
    assert failed["error"] == f"{died} (the last of {1 + max(1, retries)} attempts)"
    assert sum("it is tried again (2 of" in told for told in caplog.messages) == 4


def test_one_that_failed_goes_alone_in_the_next_call_too(tmp_path: Path) -> None:
    first = flat(tmp_path, fates={("a", 2): 1}, interrupt=5)
    assert not first.run()
    again = flat(tmp_path)
    assert again.run()
    assert {*statuses(again).values()} == {"complete"}
    assert sorted(short(again.launcher.jobs), key=len) == [
        ["a-2"], ["a-3"], ["a-4"], ["b-1", "b-2", "b-3", "b-4"]
    ]  # fmt: skip


def test_what_ended_before_its_job_died_has_ended(tmp_path: Path) -> None:
    made = flat(tmp_path, fates={("a", 1): "diverged", ("a", 3): [1]})
    assert made.run()
    assert statuses(made)["a-1"] == "diverged"
    assert {*statuses(made).values()} == {"diverged", "complete"}
    assert not list(tmp_path.glob("runs/a-1-*/attempts.json"))
    assert attempts(tmp_path, "a-2") == ["ended with code 1"]
    assert sum(name.startswith("a-1-") for name in made.launcher.started) == 1


def test_the_end_of_one_is_believed_while_the_others_go_on(tmp_path: Path) -> None:
    made = flat(tmp_path, early=[("a", 2)])
    seen: list[tuple[list[str], int]] = []
    shown = made.display.at

    def at(*, done: float, total: float) -> None:
        seen.append(([run.name[:3] for job in made.jobs for run in job.runs], len(made.results)))
        shown(done=done, total=total)

    made.display.at = at  # type: ignore[method-assign]
    assert made.run()
    assert (["a-1", "a-3", "a-4"], 1) in seen
    assert statuses(made)["a-2"] == "diverged"
    assert made.launcher.busiest == 1


def test_a_job_that_hangs_is_killed_with_all_its_runs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = itertools.count(0, 3600).__next__
    made = flat(tmp_path, fates={("b", 3): ["hang"]}, clock=clock)
    with caplog.at_level("INFO", logger="lab.sweep"):
        assert made.run()
    assert {*statuses(made).values()} == {"complete"}
    for seed in range(1, 5):
        assert attempts(tmp_path, f"b-{seed}") == ["hung, for 5 s without progress"]
    assert sum("hangs and is killed" in told for told in caplog.messages) == 4


def test_a_job_goes_on_while_one_of_its_runs_does(tmp_path: Path) -> None:
    made = flat(tmp_path, fates={("a", 1): "hang"}, retries=0)
    looks = itertools.count()

    def clock() -> float:
        now = next(looks)
        for folder in tmp_path.glob("runs/a-3-*") if now < 60 else ():
            write_json(folder / "progress.json", {"step": now})
        return float(now)

    made.clock = clock
    assert made.run()
    (log,) = tmp_path.glob("runs/a-3-*/attempts.json")
    assert read_json(log)[0]["step"] == 59


def test_a_full_disk_is_no_attempt_of_anybody(tmp_path: Path) -> None:
    made = flat(tmp_path, 2, fates={("b", 1): ["full"]})
    with pytest.raises(NoSpace):
        made.run()
    assert not made.jobs
    assert not list(tmp_path.glob("runs/*/attempts.json"))
    again = flat(tmp_path, 2)
    assert again.run()
    assert short(again.launcher.jobs) == [["b-1", "b-2"], ["b-3", "b-4"]]


def test_an_allowance_counts_runs_not_jobs(tmp_path: Path) -> None:
    made = flat(tmp_path, allowance=Allowance(max_runs=3))
    assert not made.run()
    assert short(made.launcher.jobs) == [["a-1", "a-2", "a-3"]]
    assert made.allowance.why == "--max-runs 3 is used up"
    again = flat(tmp_path, allowance=Allowance(max_flops=450.0, flops_a_step=lambda run: 1.0))
    assert not again.run()
    assert short(again.launcher.jobs) == [["b-1", "b-2", "b-3"], ["a-4"]]
    assert flat(tmp_path).run()


def test_runs_at_different_steps_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """As after a kill in the middle of saving."""
    stands = {"a-2": 40, "a-4": 40}
    allowance = Allowance(stands=lambda run: stands.get(run.name[:3], 0))
    made = flat(tmp_path, allowance=allowance)
    assert made.run()
    assert ["a-1", "a-3"] in short(made.launcher.jobs)
    assert ["a-2", "a-4"] in short(made.launcher.jobs)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_job_that_still_serves_is_not_stopped(tmp_path: Path, device: str) -> None:
    """On a GPU runs ahead are company: what nobody asks for in the end is surplus."""
    slow = crew(tmp_path, 3, members=64, device=device, seconds=lambda order: order.config.seed**2)
    assert slow.finished
    asked = {name for batch in slow.rounds for name in batch}
    company = [job for job in slow.launcher.jobs if {*job} & asked and {*job} - asked]
    assert bool(company) == (device == "cuda")
    for name in (name for job in company for name in job):
        assert (tmp_path / "runs" / name / "result.json").is_file()
    assert {*slow.schedule["surplus"]} >= {name for job in company for name in job} - asked
    assert {*GAINS} >= {name.split("-")[0] for name in slow.supervisor.results}


def test_the_longest_runs_are_started_first_and_told_in_the_order_of_the_plan(
    tmp_path: Path,
) -> None:
    costs = {"a": 1.0, "b": 3.0, "c": 2.0, "d": 3.0}
    allowance = Allowance(flops_a_step=lambda run: costs[run.variant.removesuffix("-twin")])
    launcher = FakeLauncher(3, loss)
    made = supervisor(tmp_path / "costs", compared(), launcher, allowance=allowance)
    assert made.run()
    plain = sweep(tmp_path / "plain", compared(), FakeLauncher(3, loss))
    first = plain.rounds[0]
    assert launcher.started[: len(first)] == sorted(first, key=lambda name: -costs[name[0]])
    assert [[run.name for run in batch] for batch in made.story.rounds] == plain.rounds
    assert made.results.keys() == plain.supervisor.results.keys()
