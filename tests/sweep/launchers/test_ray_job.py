"""Jobs of a Ray cluster as the supervisor sees them, with a Ray that is none."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.config.order import WorkOrder
from lab.errors import SweepError
from lab.files import read_json
from lab.sweep.attempts import NO_SPACE
from lab.sweep.launchers.parcel import Changes
from lab.sweep.launchers.ray import RayLauncher
from lab.sweep.launchers.ray_job import RayJob
from lab.sweep.launchers.ray_node import Begun, News


class RayError(Exception):
    pass


class RayTaskError(RayError):
    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class NoMemoryError(RayError):
    """As Ray says that it has ended an actor to save its node."""


class Actor:
    """Answers what it is given to answer, in turn; `asked` are the names of what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return SimpleNamespace(remote=lambda: self.asked.append(name) or name)


@pytest.fixture
def actor() -> Actor:
    return Actor()


@pytest.fixture
def job(actor: Actor, order: Callable[..., WorkOrder], tmp_path: Path) -> RayJob:
    def get(question: str) -> Any:
        answer = actor.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    exceptions = SimpleNamespace(
        RayError=RayError, RayTaskError=RayTaskError, OutOfMemoryError=NoMemoryError
    )
    killed: list[Any] = []
    ray = SimpleNamespace(get=get, kill=killed.append, exceptions=exceptions, killed=killed)
    folder = tmp_path / "run"
    folder.mkdir()
    return RayJob([folder], [order()], ray, actor, "begin")


def hears(job: RayJob, *answers: Any) -> str | None:
    job.actor.answers += answers
    told = None
    for _ in answers:
        told = job.hear()
    return told


def test_it_waits_until_it_has_begun_then_asks_for_news(job: RayJob) -> None:
    assert job.waits
    hears(job, Begun("n1"))
    assert not job.waits
    assert (job.open, job.actor.asked) == ("news", ["news"])


def test_what_came_is_there_before_it_has_ended(job: RayJob) -> None:
    folder = job.folders[0]
    hears(job, Begun("n1"), News([Changes({"metrics.csv": b"step\n"})]))
    assert job.is_alive()
    assert (folder / "metrics.csv").read_bytes() == b"step\n"
    hears(job, News([Changes({"result.json": b"{}"})], code=0))
    assert (job.is_alive(), job.exit_code, job.lost) == (False, 0, None)
    assert (folder / "result.json").exists()
    assert job.ray.killed == [job.actor]


@pytest.mark.parametrize("before", [(), (Begun("n1"),)])
def test_an_actor_that_is_gone_was_lost(job: RayJob, before: tuple[Begun, ...]) -> None:
    hears(job, *before, RayError("the actor is dead"))
    assert not job.is_alive()
    assert (job.exit_code, job.lost) == (None, "was lost with its node")
    assert not (job.folders[0] / "failure.json").exists()


def test_what_goes_wrong_in_an_actor_is_told_of_its_runs(job: RayJob) -> None:
    hears(job, RayTaskError(ValueError("no such thing")))
    assert (job.exit_code, job.lost) == (1, None)
    assert read_json(job.folders[0] / "failure.json")["error"] == "ValueError: no such thing"


@pytest.mark.parametrize("there", [True, False])
def test_a_full_disk_is_no_fault_of_a_run(
    job: RayJob, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """Neither a node's nor the supervisor's."""
    full = OSError(28, "No space left on device")

    def deliver(*_: object, **more: object) -> None:
        raise full

    monkeypatch.setattr("lab.sweep.launchers.ray_job.deliver", deliver)
    hears(job, RayTaskError(full)) if there else hears(job, Begun("n1"), News([Changes({})]))
    assert job.exit_code == NO_SPACE
    assert not (job.folders[0] / "failure.json").exists()


def test_another_lab_is_no_fault_of_a_run(job: RayJob) -> None:
    assert hears(job, Begun("n1", fault="n1 has torch 1.0")) == "n1 has torch 1.0"
    assert not job.is_alive()


def test_a_node_without_the_lab_is_told_of(job: RayJob) -> None:
    text = "The actor failed to import.\nModuleNotFoundError: No module named 'lab'\nwhatever"
    assert hears(job, RayTaskError(RuntimeError(text))) == (
        "a node of the cluster has not this lab (ModuleNotFoundError: No module named 'lab'); "
        "install the same lab on every node"
    )


def test_who_waits_ends_without_a_word_and_who_works_is_asked(job: RayJob, actor: Actor) -> None:
    hears(job, Begun("n1"))
    job.stop()
    job.stop()
    job.kill()
    job.kill()
    assert actor.asked == ["news", "stop", "kill"]
    assert job.is_alive()
    hears(job, News([Changes({})], code=-9))
    assert job.exit_code == -9


@pytest.mark.parametrize(("end", "code"), [("stop", 0), ("kill", -9)])
def test_who_waits_is_ended_at_once(job: RayJob, actor: Actor, end: str, code: int) -> None:
    getattr(job, end)()
    assert (job.is_alive(), job.exit_code, actor.asked) == (False, code, [])


@pytest.fixture
def launcher(job: RayJob) -> RayLauncher:
    """A launcher that has this job."""
    found = RayLauncher.__new__(RayLauncher)
    found._ray, found._jobs = job.ray, [job]
    return found


def test_a_wait_ends_with_a_job_and_sleeps_until_an_answer(
    launcher: RayLauncher, job: RayJob
) -> None:
    waits: list[float] = []

    def wait(questions: list[str], *, num_returns: int, timeout: float) -> tuple[Any, Any]:
        waits.append(timeout)
        return questions[:1], questions[1:]

    job.ray.wait = wait
    job.actor.answers = [Begun("n1"), News([Changes({})]), News([Changes({})], code=0)]
    launcher.wait([], timeout=20.0)
    assert not job.is_alive()
    assert len(waits) == 3
    assert min(waits) > 19
    launcher.wait([], timeout=0.0)
    assert len(waits) == 3


def test_one_that_is_deaf_to_an_end_is_ended(
    launcher: RayLauncher, job: RayJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.ray.wait = lambda questions, **more: ([], questions)
    hears(job, Begun("n1"))
    job.kill()
    launcher.wait([], timeout=0.0)
    assert job.is_alive()
    monkeypatch.setattr("lab.sweep.launchers.ray.PATIENCE", -1.0)
    launcher.wait([], timeout=0.0)
    assert job.exit_code == -9


def test_a_fault_of_the_cluster_ends_all_that_waits(launcher: RayLauncher, job: RayJob) -> None:
    other = RayJob(job.folders, job.orders, job.ray, job.actor, "another begin")
    launcher._jobs.append(other)
    job.ray.wait = lambda questions, **more: (questions[:1], questions[1:])
    job.actor.answers = [Begun("n1", fault="n1 has torch 1.0")]
    with pytest.raises(SweepError, match="n1 has torch"):
        launcher.wait([], timeout=5.0)
    assert not job.is_alive()
    assert not other.is_alive()


def test_one_that_memory_ran_out_for_says_so(job: RayJob) -> None:
    """That is an attempt of the run, which elsewhere would end no better."""
    hears(job, Begun("n1"), NoMemoryError("killed"))
    assert (job.exit_code, job.lost) == (1, None)
    assert read_json(job.folders[0] / "failure.json")["error"].startswith("out of memory")


def test_a_full_disk_of_a_node_is_none_of_the_supervisor(job: RayJob) -> None:
    hears(job, Begun("n1"), News([Changes({})], code=NO_SPACE))
    assert (job.exit_code, job.lost) == (None, "found no room on the disk of its node")
