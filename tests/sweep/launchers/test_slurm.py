"""The launcher: what it submits when, which jobs it finds again, and what it leaves behind."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.config.launcher import Slurm
from lab.errors import SweepError
from lab.files import write_json
from lab.sweep.launchers.placed import PlacedJob
from lab.sweep.launchers.slurm import SlurmLauncher
from lab.sweep.launchers.slurm_folder import JobFolder
from lab.sweep.launchers.squeue import Shown


class Cluster:
    """Takes jobs, or says why it does not, shows them, and lets time pass."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now = folder, 0.0
        self.submitted: list[list[Path]] = []
        self.states: dict[str, str] = {}
        self.refuses = False
        self.room = 10**9  # how many jobs it takes at a time
        self.cancelled: set[str] = set()

    def launcher(self, **config: Any) -> SlurmLauncher:
        return SlurmLauncher(
            Slurm.parse(config),
            folder=self.folder,
            squeue=self,  # type: ignore[arg-type]
            submit=self.submit,
            clock=lambda: self.now,
            sleep=self.sleep,
        )

    def newest(self) -> Shown:
        return Shown(self.now, dict(self.states))

    def submit(self, folders: Sequence[Path], *args: Any, **more: Any) -> list[str]:
        if self.refuses or len(folders) > self.room - len(self.states):
            raise SweepError("sbatch does not take the jobs (too many)")
        self.submitted.append([*folders])
        numbers = [f"{len(self.submitted)}_{place}" for place in range(len(folders))]
        self.states |= dict.fromkeys(numbers, "PENDING")
        return numbers

    def was_cancelled(self, number: str) -> bool:
        return number in self.cancelled

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path / "tiny")


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        (tmp_path / "tiny" / "runs" / name).mkdir(parents=True, exist_ok=True)
        return tmp_path / "tiny" / "runs" / name

    return make


def begin(job: PlacedJob) -> None:
    job.folder.take({"job": job.number, "node": "n1", "pid": 1})


def wait(launcher: SlurmLauncher, jobs: Sequence[PlacedJob], seconds: int) -> None:
    for _ in range(seconds):
        launcher.wait(jobs, timeout=1)


def test_what_is_started_between_two_waits_is_one_array(
    cluster: Cluster, run: Callable[[str], Path]
) -> None:
    launcher = cluster.launcher(jobs=7)
    assert launcher.slots == 7
    jobs = [launcher.start([run(name)]) for name in "abc"]
    assert cluster.submitted == []
    launcher.wait(jobs, timeout=1)
    assert cluster.submitted == [[job.folder.path for job in jobs]]
    assert [job.number for job in jobs] == ["1_0", "1_1", "1_2"]
    assert all(job.waits for job in jobs)
    launcher.wait(jobs, timeout=1)
    assert len(cluster.submitted) == 1


def test_an_ended_job_leaves_nothing_once_it_was_dealt_with(
    cluster: Cluster, run: Callable[[str], Path]
) -> None:
    launcher = cluster.launcher()
    job = launcher.start([run("a")])
    launcher.wait([job], timeout=1)
    logs = ["1_0_0_log.err", "1_0_submitted.pkl", "1_submission.sh", "other"]
    for name in logs:
        (launcher.logs / name).touch()
    begin(job)
    job.folder.end(code=0)
    launcher.wait([job], timeout=2)
    assert not job.is_alive()
    assert job.folder.path.exists()
    launcher.wait([], timeout=1)
    assert not job.folder.path.exists()
    assert [path.name for path in launcher.logs.iterdir()] == ["other"]


NAMES = ("works", "failed", "done", "stopped", "waits")


def test_a_later_supervisor_finds_what_an_earlier_one_left(
    cluster: Cluster, run: Callable[[str], Path]
) -> None:
    """Those at work and those that failed; one whose runs are done, that was stopped, or that never
    came to Slurm, goes; and one whose number was not noted is known by its claim."""
    first = cluster.launcher()
    jobs = {name: first.start([run(name)]) for name in NAMES}
    first.wait([*jobs.values()], timeout=1)
    for name in ("works", "failed", "done", "stopped"):
        begin(jobs[name])
    jobs["stopped"].stop()
    jobs["stopped"].folder.end(code=0)
    jobs["failed"].folder.end(code=1)
    jobs["done"].folder.end(code=0)
    write_json(run("done") / "result.json", {})
    unnoted, unsubmitted = (first.start([run(name)]) for name in ("unnoted", "unsubmitted"))
    unnoted.folder.take({"job": "9", "node": "n1", "pid": 1})
    (first.logs / ("0" * 32 + ".pkl")).touch()
    for half in (".removed", "made"):
        (first.jobs / half).mkdir()
    cluster.now += 1
    second = cluster.launcher()
    found = {job.folders[0].name: job for job in second.found()}
    assert found.keys() == {"works", "failed", "waits", "unnoted"}
    assert found["unnoted"].number == "9"
    assert {name for name, job in found.items() if job.is_alive()} == {"works", "waits", "unnoted"}
    assert found["failed"].exit_code == 1
    assert not unsubmitted.folder.path.exists()
    assert not JobFolder(unsubmitted.folder.path).take({"job": "10", "node": "n1", "pid": 1})
    assert [*second.logs.iterdir()] == []
    assert len([*second.jobs.iterdir()]) == 1 + len(found)


def test_a_first_job_that_never_began_is_told_of(
    cluster: Cluster, run: Callable[[str], Path]
) -> None:
    launcher = cluster.launcher()
    job = launcher.start([run("a")])
    launcher.wait([job], timeout=1)
    cluster.states.clear()
    with pytest.raises(SweepError, match=r"left no word in .*a disk that the nodes share"):
        wait(launcher, [job], 20)
    assert not job.folder.path.exists()  # so that the next call begins anew


def test_where_its_log_says_why_that_is_told(cluster: Cluster, run: Callable[[str], Path]) -> None:
    launcher = cluster.launcher()
    job = launcher.start([run("a")])
    launcher.wait([job], timeout=1)
    (launcher.logs / "1_0_0_log.err").write_text("srun: hello\nNo module named submitit\n")
    cluster.states.clear()
    with pytest.raises(SweepError, match="ended before it began: 'No module named submitit'"):
        wait(launcher, [job], 20)


def test_a_later_one_that_never_began_is_lost(cluster: Cluster, run: Callable[[str], Path]) -> None:
    """As one that somebody cancelled in the queue."""
    launcher = cluster.launcher()
    jobs = [launcher.start([run(name)]) for name in "ab"]
    launcher.wait(jobs, timeout=1)
    begin(jobs[0])
    del cluster.states["1_1"]
    wait(launcher, jobs, 20)
    assert jobs[0].is_alive()
    assert not jobs[1].is_alive()
    assert jobs[1].lost is not None


def test_a_failed_submission_is_made_again(cluster: Cluster, run: Callable[[str], Path]) -> None:
    launcher, cluster.refuses = cluster.launcher(), True
    job = launcher.start([run("a")])
    wait(launcher, [job], 20)
    assert job.is_alive()
    cluster.refuses = False
    wait(launcher, [job], 20)
    assert job.number == "1_0"


def test_one_that_fails_again_and_again_is_told_of(
    cluster: Cluster, run: Callable[[str], Path]
) -> None:
    """Unless jobs are under way, for whose end a full queue may be waiting."""
    launcher = cluster.launcher()
    first = launcher.start([run("a")])
    launcher.wait([first], timeout=1)
    begin(first)
    cluster.refuses = True
    second = launcher.start([run("b")])
    wait(launcher, [first, second], 500)
    first.folder.end(code=0)
    with pytest.raises(SweepError, match=r"too many\); mend that, and the same command continues"):
        wait(launcher, [second], 100)


def test_one_that_is_stopped_before_it_was_submitted_never_is(
    cluster: Cluster, run: Callable[[str], Path]
) -> None:
    launcher = cluster.launcher()
    job = launcher.start([run("a")])
    job.stop()
    launcher.wait([job], timeout=1)
    assert not job.is_alive()
    assert cluster.submitted == []


def test_short_runs_are_gathered(cluster: Cluster) -> None:
    launcher = cluster.launcher(fill=10)
    assert [launcher.gathers(seconds) for seconds in (None, 10.0, 300.0, 3600.0)] == [1, 60, 2, 1]
    assert cluster.launcher(runs_a_job=5).gathers(None) == 5


def test_as_many_are_submitted_as_are_taken(
    cluster: Cluster, run: Callable[[str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    """A limit on jobs, or on arrays, puts off those that are too many."""
    launcher = cluster.launcher()
    cluster.room = 5
    jobs = [launcher.start([run(f"r{number}")]) for number in range(8)]
    wait(launcher, jobs, 1)
    assert [len(array) for array in cluster.submitted] == [4, 1]
    cluster.room = 100
    wait(launcher, jobs, 10)
    assert sum(len(array) for array in cluster.submitted) == 8


def test_the_first_to_be_cancelled_is_lost(cluster: Cluster, run: Callable[[str], Path]) -> None:
    """While it waits: that tells nothing of the folder."""
    launcher = cluster.launcher()
    job = launcher.start([run("a")])
    wait(launcher, [job], 2)
    del cluster.states["1_0"]
    cluster.cancelled.add("1_0")
    wait(launcher, [job], 120)
    assert not job.is_alive()
    assert "has gone from the queue" in str(job.lost)
