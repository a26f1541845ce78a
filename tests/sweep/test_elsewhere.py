"""Jobs that are not processes of this machine: lost, gathered, left behind, found again."""

import math
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.files import read_json, write_json
from lab.sweep.attempts import LOSSES
from lab.sweep.plan import Plan
from tests.sweep.crew import Crew, FakeJob, FakeLauncher, settled, supervisor, sweep
from tests.sweep.simulated import question

pytestmark = pytest.mark.usefixtures("quick")
LOST = "was lost with its node"


def flat() -> Plan:
    """Two arms, four seeds each, all in one round."""
    variants = {"a": {}, "b": {"model.norm.eps": 1e-6}}
    found = question(variants=variants, confirm={"min_seeds": 4, "max_seeds": 4, "twin": False})
    return Plan(found, "digest", settled=settled(found))


def loss(order: Any) -> float:
    return 2.0 + 0.1 * (order.labels["variant"] == "a")


def endless(order: Any) -> float:
    return math.inf


@dataclass
class Cluster(FakeLauncher):
    """Jobs of which the first of each run of seed `fragile` are lost; with `further`, each of them
    leaves a checkpoint that the one before it had not come to."""

    fragile: int = 0
    losses: int = 1
    further: bool = True
    n_lost: int = 0

    def _end(self, job: FakeJob) -> None:
        if job.order.config.seed == self.fragile and self.n_lost < self.losses:
            self.n_lost += 1
            job.lost = LOST
            if self.further:
                write_json(job.folders[0] / "checkpoint" / f"{self.n_lost}.json", {})
            return
        super()._end(job)


def anytime() -> Plan:
    """Two arms that differ so much that the first seeds settle it; more could have been asked."""
    variants = {"a": {}, "b": {"model.norm.eps": 1e-6}}
    confirm = {"min_seeds": 4, "max_seeds": 9, "margin": 0.5, "twin": False}
    found = question(variants=variants, confirm=confirm)
    return Plan(found, "digest", settled=settled(found))


class Stubborn(FakeJob):
    """Takes a while to end once it was told to; `was_there` says whether its folder then was."""

    told = 0
    was_there = False

    def is_alive(self) -> bool:
        self.told += bool(self.told)
        if self.told > 10:
            self.was_there, self.alive = self.folders[0].is_dir(), False
        return self.alive

    def stop(self) -> None:
        self.told = self.told or 1


def attempts(crew: Crew, name: str) -> list[dict[str, Any]]:
    (file,) = crew.folder.path.glob(f"runs/{name}-*/attempts.json")
    found: list[dict[str, Any]] = read_json(file)
    return found


def statuses(crew: Crew) -> set[str]:
    return {str(found["status"]) for found in crew.supervisor.results.values()}


def test_a_run_that_was_lost_is_continued(tmp_path: Path) -> None:
    """However often, as long as it comes further: the loss of a machine is no attempt of a run."""
    launcher = Cluster(2, loss, fragile=2, losses=3 * LOSSES)
    crew = sweep(tmp_path, flat(), launcher)
    assert crew.finished
    assert statuses(crew) == {"complete"}
    assert launcher.n_lost == 3 * LOSSES
    assert {each["error"] for each in attempts(crew, "a-2")} == {LOST}


def test_one_that_is_lost_and_comes_no_further_is_given_up(tmp_path: Path) -> None:
    launcher = Cluster(1, loss, fragile=2, losses=10**9, further=False)
    crew = sweep(tmp_path, flat(), launcher)
    assert statuses(crew) == {"complete", "failed"}
    failed = [found for found in crew.supervisor.results.values() if found["status"] == "failed"]
    assert all(LOST in found["error"] for found in failed)
    assert len(attempts(crew, "a-2")) >= LOSSES


def test_short_runs_are_gathered(tmp_path: Path) -> None:
    """One after the other in one job; and every slot has one."""
    launcher = FakeLauncher(2, loss, gathered=100)
    crew = sweep(tmp_path, flat(), launcher)
    assert statuses(crew) == {"complete"}
    asked = len(crew.rounds[0])
    assert [len(job) for job in launcher.jobs[:2]] == [asked // 2, asked // 2]
    plain = sweep(tmp_path / "plain", flat(), FakeLauncher(2, loss))
    assert crew.supervisor.results.keys() == plain.supervisor.results.keys()


def test_what_a_job_never_came_to_has_not_been_tried(tmp_path: Path) -> None:
    """The first without an answer is to blame; it goes alone, the others together again."""
    launcher = FakeLauncher(1, loss, gathered=4, fates={("a", 1): [1]})
    crew = sweep(tmp_path, flat(), launcher)
    assert statuses(crew) == {"complete"}
    assert not list(crew.folder.path.glob("runs/b-*/attempts.json"))
    first, again, rest, *_ = launcher.jobs
    assert again == first[:1]
    assert rest[:3] == first[1:4]


def test_jobs_that_outlive_their_supervisor_are_left_and_found(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing is stopped, and nothing is started that is under way."""
    launcher = FakeLauncher(2, loss, endless, outlives=True, interrupt=2)
    first = supervisor(tmp_path, flat(), launcher)
    assert not first.run()
    assert "the jobs go on, and the same command finds them" in capfd.readouterr().err
    left = [each.job for each in first.jobs]
    assert len(left) == 2
    assert all(job.is_alive() for job in left)
    for job in left:
        job.left = 1.0
    again = FakeLauncher(2, loss, outlives=True, left=left)
    crew = sweep(tmp_path, flat(), again)
    assert crew.finished
    assert statuses(crew) == {"complete"}
    assert not {*launcher.started} & {*again.started}


def test_one_that_died_in_the_meantime_is_started_again(tmp_path: Path) -> None:
    launcher = FakeLauncher(2, loss, endless, outlives=True, interrupt=1)
    first = supervisor(tmp_path, flat(), launcher)
    assert not first.run()
    (job,) = (each.job for each in first.jobs)
    job.alive, job.exit_code = False, -signal.SIGKILL
    crew = sweep(tmp_path, flat(), FakeLauncher(2, loss, outlives=True, left=[job]))
    assert statuses(crew) == {"complete"}
    (told,) = attempts(crew, launcher.started[0].rpartition("-")[0])
    assert told["error"] == "killed by SIGKILL"


def test_the_folder_of_a_job_at_work_is_not_cleared(tmp_path: Path) -> None:
    """Of runs ahead that nobody asks for any more: their jobs are ended first."""
    plan = anytime()
    whole = sweep(tmp_path, plan, FakeLauncher(4, loss))
    asked = {run.name for run in whole.supervisor.story.runs}
    (spare,) = [run for run in [plan.run("b", "confirm", 9)] if run.name not in asked]
    folder = tmp_path / "runs" / spare.name
    folder.mkdir()
    job = Stubborn([folder], None, math.inf)  # type: ignore[arg-type]
    crew = sweep(tmp_path, plan, FakeLauncher(4, loss, outlives=True, left=[job]))
    assert crew.finished
    assert job.was_there
    assert not job.alive
    assert not folder.exists()


def test_one_that_nobody_asks_for_is_stopped(tmp_path: Path) -> None:
    other = FakeJob([tmp_path / "runs" / "another-1-00000000"], None, 1.0)  # type: ignore[arg-type]
    stopped: Sequence[FakeJob] = [other]
    (tmp_path / "runs" / "another-1-00000000").mkdir(parents=True)
    crew = sweep(tmp_path, flat(), FakeLauncher(2, loss, outlives=True, left=stopped))
    assert crew.finished
    assert not other.alive


def test_a_job_that_waits_does_not_hang(tmp_path: Path) -> None:
    clock = iter(range(0, 10**9, 3600))
    launcher = FakeLauncher(2, loss)
    slow = supervisor(tmp_path, flat(), launcher, clock=lambda: float(next(clock)))
    start = launcher.start

    def begin(folders: Sequence[Path]) -> FakeJob:
        job = start(folders)
        job.waits = True
        return job

    launcher.start = begin  # type: ignore[method-assign]
    assert slow.run()
    assert not list(tmp_path.glob("runs/*/attempts.json"))
