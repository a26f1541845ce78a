"""A job's folder: one alone can claim it, and what is gone is wanted no more."""

from pathlib import Path

import pytest

from lab.errors import SweepError
from lab.files import write_json
from lab.sweep.launchers.slurm_folder import JobFolder, standing, without_answer


@pytest.fixture
def job(tmp_path: Path) -> JobFolder:
    return JobFolder.new(tmp_path / "jobs", {"folders": [str(tmp_path / "run")]})


def test_whoever_is_first_has_it(job: JobFolder) -> None:
    claim = {"job": "7_0", "node": "n1", "pid": 1}
    assert job.take(claim)
    assert not job.revoke()
    assert not job.take({**claim, "job": "8"})
    assert job.take({**claim, "node": "n2"})  # the same job, queued again
    assert job.number == "7_0"
    assert not [*job.path.glob(".claim*")]


def test_what_was_revoked_never_begins(job: JobFolder) -> None:
    assert job.revoke()
    assert job.revoke()
    assert not job.take({"job": "7", "node": "n1", "pid": 1})
    assert job.number is None


def test_a_folder_that_is_gone_cannot_be_claimed(job: JobFolder) -> None:
    job.remove()
    assert not job.take({"job": "7", "node": "n1", "pid": 1})
    assert not [*job.path.parent.iterdir()]
    with pytest.raises(SweepError, match="is no folder of a job"):
        _ = job.spec


def test_the_first_last_word_stands(job: JobFolder) -> None:
    job.end(lost="was cancelled")
    job.end(code=0)
    assert job.ended == {"code": None, "lost": "was cancelled"}
    job.remove()
    job.end(code=0)
    assert not job.path.exists()


def test_how_far_runs_are(tmp_path: Path) -> None:
    runs = [tmp_path / name for name in ("done", "failed", "midway", "new")]
    write_json(runs[0] / "result.json", {})
    write_json(runs[1] / "failure.json", {})
    for step in (20, 40):
        write_json(runs[2] / "checkpoint" / f"{step:09d}.json", {})
    assert without_answer(runs) == runs[2:]
    assert standing(runs) == {"midway": 40, "new": 0}
