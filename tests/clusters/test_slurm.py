"""Whole sweeps on a real Slurm: what they come to is what this machine alone comes to.

Skipped where sbatch or submitit is missing; with LAB_CLUSTERS set they fail there instead.
`export SLURM_CONF=$(scripts/slurm/cluster.sh start)` makes a cluster of this machine.
"""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import lab
from lab.config.launcher import Slurm
from lab.errors import LabError, SweepError
from lab.sweep.allowance import step_of
from lab.sweep.launchers.sbatch import check
from lab.sweep.launchers.slurm_folder import JobFolder
from tests.commands.folder import Lab, wait_for
from tests.commands.test_sweep import QUESTION

CLUSTER = Path(lab.__file__).parents[1] / "scripts" / "slurm" / "cluster.sh"
SLURM = ("--set", "launcher.kind=slurm")
SHORT: dict[str, Any] = {key: QUESTION[key] for key in ("question", "base", "baseline", "variants")}
VARIANTS = {**SHORT["variants"], "sinusoidal": {"model.position": {"kind": "sinusoidal"}}}


def lasting(steps: int) -> dict[str, Any]:
    return {**SHORT["base"], "train": {**SHORT["base"]["train"], "steps": steps}}


LONG = {**SHORT, "base": lasting(900), "variants": VARIANTS}


@pytest.fixture(scope="module", autouse=True)
def cluster() -> None:
    try:
        check(Slurm())
    except LabError as error:
        if os.environ.get("LAB_CLUSTERS"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("lab.report.page.figures_of", lambda sweep: {})  # they take their time
        yield


@pytest.fixture(autouse=True)
def _same_cache(_private_cache: None, cache: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results name the text as the cache does."""


def answered(folder: Path, corpus: Path, question: dict[str, Any]) -> Lab:
    lab = Lab(folder, corpus, question)
    done = lab.run("--workers", "2")
    assert done.returncode == 0, done.stderr
    return lab


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Lab:
    """The long question, answered by this machine without a disturbance."""
    return answered(tmp_path_factory.mktemp("alone"), corpus, LONG)


def events(lab: Lab, kind: str) -> list[dict[str, Any]]:
    lines = (lab.sweep / "log.jsonl").read_text().splitlines()
    return [found for line in lines if (found := json.loads(line)).get("event") == kind]


@dataclass(frozen=True)
class AtWork:
    """A job that a node is at work on, and its first run."""

    job: JobFolder
    run: Path
    number: str
    pid: int


def at_work(lab: Lab) -> list[AtWork]:
    found = []
    for file in lab.sweep.glob("jobs/*/claim"):
        job = JobFolder(file.parent)
        with suppress(SweepError, TypeError):  # one that is being removed
            claim = job.claim or {}
            if job.ended is None:
                found.append(AtWork(job, job.run_folders[0], claim["job"], claim["pid"]))
    return found


def job_in_mid_run(lab: Lab, *, but: Sequence[AtWork] = ()) -> AtWork:
    """One whose run has a checkpoint and is far from its end."""
    passed, found = {each.number for each in but}, list[AtWork]()

    def look() -> bool:
        others = [each for each in at_work(lab) if each.number not in passed]
        found[:] = [each for each in others if 0 < step_of(each.run) < 500]
        return bool(found)

    wait_for(look, seconds=240)
    return found[0]


def children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found


def ended_well(lab: Lab, process: "subprocess.Popen[str]") -> None:
    _, told = process.communicate(timeout=240)
    assert process.returncode == 0, told


def same(one: Lab, other: Lab) -> None:
    assert one.results() == other.results()
    assert one.curves() == other.curves()


def test_it_comes_to_what_this_machine_alone_comes_to(corpus: Path, tmp_path: Path) -> None:
    """With a search, by arrays of jobs."""
    confirm, tune = {"test": "fixed", "max_seeds": 2}, {**QUESTION["tune"], "trials": 2}
    question = {**SHORT, "base": lasting(50), "tune": tune, "confirm": confirm}
    here = answered(tmp_path / "here", corpus, question)
    lab = Lab(tmp_path / "there", corpus, question)
    done = lab.run(*SLURM)
    assert done.returncode == 0, done.stderr
    same(lab, here)
    first = events(lab, "submitted")[0]["jobs"]
    array = first[0].removesuffix("_0")
    assert first == [f"{array}_{place}" for place in range(4)]
    assert lab.run(*SLURM).returncode == 0  # which clears what is left of the last jobs
    assert [path.name for path in lab.sweep.glob("jobs/*")] == ["logs"]
    assert [*lab.sweep.glob("jobs/logs/*")] == []


def test_what_is_cancelled_or_killed_is_continued(alone: Lab, corpus: Path, tmp_path: Path) -> None:
    """A job by scancel, a run's process, and the process that beats for another job."""
    lab = Lab(tmp_path, corpus, LONG)
    process = lab.start(*SLURM)
    cancelled = job_in_mid_run(lab)
    subprocess.run(["scancel", cancelled.number], check=True)
    killed = job_in_mid_run(lab, but=[cancelled])
    (child,) = children(killed.pid)
    os.kill(child, signal.SIGKILL)
    lost = job_in_mid_run(lab, but=[cancelled, killed])
    os.kill(lost.pid, signal.SIGKILL)
    ended_well(lab, process)
    same(lab, alone)
    told = {event["run"]: event["error"] for event in events(lab, "lost")}
    assert told.keys() == {cancelled.run.name, lost.run.name}
    assert told[cancelled.run.name] == "was cancelled by Slurm"
    assert re.match(r"was lost on node .*has gone from the queue$", told[lost.run.name])
    retried = [(event["run"], event["error"]) for event in events(lab, "retried")]
    assert retried == [(killed.run.name, "killed by SIGKILL")]


def test_a_supervisor_that_is_killed_finds_its_jobs_again(
    alone: Lab, corpus: Path, tmp_path: Path
) -> None:
    lab = Lab(tmp_path, corpus, LONG)
    process = lab.start(*SLURM)
    job_in_mid_run(lab)
    process.kill()
    process.communicate()
    ended_well(lab, lab.start(*SLURM))
    same(lab, alone)
    assert events(lab, "rejoined")
    begun = [event["run"] for event in events(lab, "started")]
    assert sorted(begun) == sorted(lab.rows("run"))  # each of them once


def test_a_node_whose_slurmd_begins_anew_loses_nothing(
    alone: Lab, corpus: Path, tmp_path: Path
) -> None:
    if not os.environ.get("SLURM_CONF"):
        pytest.skip(f"a slurmd that {CLUSTER.name} has started is needed, and SLURM_CONF not set")
    lab = Lab(tmp_path, corpus, LONG)
    process = lab.start(*SLURM)
    job_in_mid_run(lab)
    subprocess.run([CLUSTER, "restart-node"], check=True)
    ended_well(lab, process)
    same(lab, alone)
    assert not events(lab, "lost") + events(lab, "retried")


def test_a_job_that_is_put_off_goes_on_with_nobody_watching(
    alone: Lab, corpus: Path, tmp_path: Path
) -> None:
    """As at its time limit: it is told, saves, is queued again, and begins where it was."""
    lab = Lab(tmp_path, corpus, LONG)
    process = lab.start(*SLURM)
    found = job_in_mid_run(lab)
    name, result = found.number, found.run / "result.json"
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 130
    assert "the jobs go on, and the same command finds them again" in told
    subprocess.run(["scancel", "--signal=USR2", name], check=True)
    wait_for(lambda: found.job.requeued is not None, seconds=240)
    assert not result.exists()
    wait_for(lambda: state(name) == "PENDING", seconds=240)
    time.sleep(5)  # sooner, a node takes it for the one that it has just put an end to
    subprocess.run(["scontrol", "update", f"JobId={name}", "StartTime=now"], check=True)
    wait_for(result.is_file, seconds=240)
    ended_well(lab, lab.start(*SLURM))
    same(lab, alone)


def state(name: str) -> str:
    command = ["squeue", "--noheader", "--array", "--format=%T", f"--jobs={name}"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def test_short_runs_are_gathered_into_few_jobs(corpus: Path, tmp_path: Path) -> None:
    confirm = {"test": "fixed", "max_seeds": 6, "twin": False}
    question = {**SHORT, "base": lasting(20), "confirm": confirm}
    here = answered(tmp_path / "here", corpus, question)
    lab = Lab(tmp_path / "there", corpus, question)
    done = lab.run(*SLURM, "--set", "launcher.jobs=2", "--set", "launcher.runs_a_job=6")
    assert done.returncode == 0, done.stderr
    same(lab, here)
    assert [event["of"] for event in events(lab, "started")] == [6] * 12
    assert sum(len(event["jobs"]) for event in events(lab, "submitted")) == 2


def test_several_processes_train_a_run(corpus: Path, tmp_path: Path) -> None:
    lab = Lab(tmp_path, corpus, {**SHORT, "base": lasting(30)})
    done = lab.run(*SLURM, "--set", "launcher.processes=2")
    assert done.returncode == 0, done.stderr
    assert lab.rows("status") == ["complete"] * 2
    for file in lab.sweep.glob("runs/*/result.json"):
        assert json.loads(file.read_text())["provenance"]["processes"] == 2


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("launcher.partition=nowhere", "partition: nowhere"),
        ("launcher.cpus=10000", "node configuration is not available"),
        ("launcher.options={array: 3}", "launcher.options.array is not taken from here"),
    ],
)
def test_what_is_refused_is_told_before_anything_is_written(
    corpus: Path, tmp_path: Path, override: str, told: str
) -> None:
    lab = Lab(tmp_path, corpus, SHORT)
    done = lab.run(*SLURM, "--set", override)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert not lab.sweep.exists()


def test_a_first_job_that_never_begins_is_told_of(corpus: Path, tmp_path: Path) -> None:
    """As where its node does not see the folder, or has no such Python."""
    lab = Lab(tmp_path, corpus, SHORT)
    done = lab.run(*SLURM, "--set", "launcher.setup=[exit 1]")
    assert done.returncode == 2
    assert "ended before it began" in done.stderr
    assert "must lie on a disk that the nodes share" in done.stderr
