"""What a node makes of a job's folder, with a double in the place of the process that trains."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from lab.files import write_json
from lab.sweep.launchers import slurm_job
from lab.sweep.launchers.slurm_folder import NOW, SAVE, JobFolder
from lab.sweep.launchers.slurm_job import OnNode, Work, job_number


class Double:
    """Ends with `code` once it was stopped, `saves` a checkpoint then, or at once where it is told
    to `finish`."""

    made: ClassVar[list["Double"]] = []
    meanwhile: ClassVar[list[Callable[[], None]]] = []  # what happens while it works
    finish = False
    saves = True
    code = 0

    def __init__(self, folders: Sequence[Path], *, environment: Mapping[str, str]) -> None:
        self.folders, self.environment = folders, environment
        self.ended: int | None = None
        self.made.append(self)
        if self.finish:
            self.ended = self.code
            for folder in folders if not self.code else ():
                write_json(folder / "result.json", {})

    def poll(self) -> int | None:
        while self.meanwhile and self.ended is None:
            self.meanwhile.pop()()
        return self.ended

    def wait(self, timeout: float | None = None) -> int | None:
        return self.ended

    def stop(self) -> None:
        if self.saves and self.ended is None:
            for folder in self.folders:
                write_json(folder / "checkpoint" / f"{len(self.made):09d}.json", {})
            self.ended = 0

    def kill(self) -> None:
        self.ended = -signal.SIGKILL


@pytest.fixture(autouse=True)
def double(monkeypatch: pytest.MonkeyPatch) -> type[Double]:
    found = type("Mine", (Double,), {"made": [], "meanwhile": []})
    monkeypatch.setattr(slurm_job, "Child", found)
    monkeypatch.setattr(slurm_job, "LOOK", 0.01)
    monkeypatch.setattr(slurm_job, "STAY", 0.01)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.delenv("SLURM_ARRAY_JOB_ID", raising=False)
    return found


@pytest.fixture(autouse=True)
def _handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def job(tmp_path: Path) -> JobFolder:
    runs = [tmp_path / name for name in ("one", "two")]
    for run in runs:
        run.mkdir()
    spec: dict[str, Any] = {"folders": [str(run) for run in runs], "shelf": "/shelf", "notice": 10}
    return JobFolder.new(tmp_path / "jobs", spec)


def test_runs_are_carried_out_and_the_code_is_told(job: JobFolder, double: type[Double]) -> None:
    double.finish = True
    OnNode(job.path)()
    assert job.ended == {"code": 0, "lost": None}
    assert job.claim is not None
    assert (job.claim["job"], job.claim["pid"]) == ("7", os.getpid())
    (child,) = double.made
    assert child.folders == job.run_folders
    assert child.environment == {"LAB_TOKENS": "/shelf"}
    assert job.heartbeat.is_file()


@pytest.mark.parametrize("code", [1, 28, -9])
def test_a_code_is_passed_on_as_it_is(job: JobFolder, double: type[Double], code: int) -> None:
    double.finish, double.code = True, code
    OnNode(job.path)()
    assert job.ended == {"code": code, "lost": None}


def test_one_that_nobody_wants_any_more_does_nothing(job: JobFolder, double: type[Double]) -> None:
    job.revoke()
    OnNode(job.path)()
    OnNode(job.path.parent / "gone")()
    assert double.made == []
    assert job.ended is None


def test_one_that_has_ended_is_not_begun_again(job: JobFolder, double: type[Double]) -> None:
    double.finish = True
    for _ in range(2):
        OnNode(job.path)()
    assert len(double.made) == 1


@pytest.mark.parametrize(("how", "code"), [(SAVE, 0), (NOW, -9)])
def test_the_supervisor_can_end_it(
    job: JobFolder, double: type[Double], how: str, code: int
) -> None:
    double.meanwhile.append(lambda: job.tell_to_stop(how))
    OnNode(job.path)()
    assert job.ended == {"code": code, "lost": None}


def test_one_that_was_given_up_ends_at_once(job: JobFolder, double: type[Double]) -> None:
    """As on a node that hung for long: its runs go on elsewhere."""
    double.meanwhile.append(job.remove)
    OnNode(job.path)()
    assert double.made[0].ended == -9
    assert not job.path.exists()


def test_one_that_is_to_stop_does_not_begin(job: JobFolder, double: type[Double]) -> None:
    job.tell_to_stop(SAVE)
    OnNode(job.path)()
    assert double.made == []
    assert job.ended == {"code": 0, "lost": None}


def test_a_cancelled_one_saves_and_waits_to_be_taken_away(
    job: JobFolder, double: type[Double]
) -> None:
    """Without a last word: it may be queued again, and then goes on."""
    double.meanwhile.append(lambda: os.kill(os.getpid(), signal.SIGTERM))
    OnNode(job.path)()
    assert job.ended is None
    assert job.left == "was cancelled by Slurm"
    assert (job.run_folders[0] / "checkpoint").is_dir()
    double.finish = True
    OnNode(job.path)()
    assert job.left is None
    assert job.ended == {"code": 0, "lost": None}


def test_one_that_is_told_to_go_is_queued_again(job: JobFolder, double: type[Double]) -> None:
    for step in (1, 2):
        work = begun(job)
        assert work.is_to_go_on()
        assert job.requeued == {"one": step, "two": step}
    assert job.ended is None


def test_one_that_comes_no_further_is_not(job: JobFolder, double: type[Double]) -> None:
    double.saves = False
    assert begun(job).is_to_go_on()
    assert double.made[0].ended == -9
    assert not begun(job).is_to_go_on()
    assert job.ended is not None
    assert job.ended["lost"].startswith("came no further in all the time its job had")


def test_one_that_was_done_just_then_is_over(job: JobFolder, double: type[Double]) -> None:
    double.finish = True
    assert not begun(job).is_to_go_on()
    assert job.ended == {"code": 0, "lost": None}


def test_what_has_an_answer_is_not_carried_out_again(job: JobFolder, double: type[Double]) -> None:
    """By a job that was queued again; a run that failed waits for the supervisor's word."""
    write_json(job.run_folders[0] / "failure.json", {})
    double.finish = True
    OnNode(job.path)()
    assert double.made[0].folders == job.run_folders[1:]


def begun(job: JobFolder) -> Work:
    work = Work(job)
    work.child = slurm_job.Child(job.run_folders, environment={})
    return work


def test_submitit_is_handed_a_job_that_begins_anew(job: JobFolder) -> None:
    pytest.importorskip("submitit", reason="submitit is not installed (the extra: slurm)")
    node = OnNode(job.path)
    delayed = node.checkpoint()
    assert (type(delayed.function), delayed.function.folder) == (OnNode, job.path)
    node.work = begun(job)
    node.work.child = None
    job.requeue({"one": 0, "two": 0})
    assert node.checkpoint() is None


def test_the_number_of_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    assert job_number() == "7"
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "6")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    assert job_number() == "6_3"


def test_an_error_of_our_own_is_an_end(job: JobFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **more: Any) -> None:
        raise OSError("no process can be made")

    monkeypatch.setattr(slurm_job, "Child", broken)
    with pytest.raises(OSError, match="no process"):
        OnNode(job.path)()
    assert job.ended == {"code": 1, "lost": None}
