"""What is believed of a job on a cluster: its own word, its heartbeat, and then Slurm's queue."""

from pathlib import Path

import pytest

from lab.config.launcher import Slurm
from lab.sweep.launchers.placed import GRACE, PlacedJob
from lab.sweep.launchers.slurm_folder import NOW, SAVE, JobFolder
from lab.sweep.launchers.squeue import Shown

CLAIM = {"job": "7_0", "node": "n2", "pid": 1}


class Watched:
    """A job, a clock, and what Slurm shows."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.cancelled: list[str] = []
        self.folder = JobFolder.new(folder / "jobs", {"folders": [str(folder / "run")]})
        self.job = PlacedJob(
            self.folder,
            Slurm(silence=20),
            clock=lambda: self.now,
            cancel=self.cancelled.extend,
        )
        self.job.placed("7_0")

    def pass_by(self, seconds: float, state: str | None, *, beats: bool = False) -> None:
        """Look every second; Slurm shows a state, nothing of the job (""), or fails (None)."""
        for _ in range(int(seconds)):
            self.now += 1.0
            if beats:
                self.folder.heartbeat.write_text(f"{self.now}")
            shown = {} if not state else {"7_0": state}
            self.job.look(1.0, None if state is None else Shown(self.now, shown))


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_it_waits_until_it_is_claimed(watched: Watched) -> None:
    watched.pass_by(1000, "PENDING")
    assert watched.job.is_alive()
    assert watched.job.waits
    watched.folder.take(CLAIM)
    watched.pass_by(1, "RUNNING", beats=True)
    assert watched.job.began
    assert not watched.job.waits


def test_its_last_word_is_believed_before_all(watched: Watched) -> None:
    watched.folder.take(CLAIM)
    watched.folder.end(code=-9)
    watched.pass_by(1, "RUNNING", beats=True)
    assert not watched.job.is_alive()
    assert watched.job.exit_code == -9
    assert watched.job.lost is None


def test_one_that_beats_is_alive_whatever_slurm_says(watched: Watched) -> None:
    watched.folder.take(CLAIM)
    watched.pass_by(1000, "", beats=True)
    assert watched.job.is_alive()


def test_one_that_is_silent_and_gone_is_lost(watched: Watched) -> None:
    watched.folder.take(CLAIM)
    watched.pass_by(3, "RUNNING", beats=True)
    watched.pass_by(GRACE - 1, "")
    assert watched.job.is_alive()
    watched.pass_by(3, "")
    assert not watched.job.is_alive()
    told = "was lost on node n2: job 7_0 of Slurm has gone from the queue"
    assert watched.job.lost == told
    assert watched.job.exit_code is None


def test_a_cancelled_one_says_so(watched: Watched) -> None:
    watched.folder.take(CLAIM)
    watched.folder.leave("was cancelled by Slurm")
    watched.pass_by(GRACE + 2, "")
    assert watched.job.lost == "was cancelled by Slurm"


def test_a_queue_that_cannot_be_asked_says_nothing(watched: Watched) -> None:
    watched.folder.take(CLAIM)
    watched.pass_by(1, "RUNNING", beats=True)
    watched.pass_by(1000, None)
    assert watched.job.is_alive()


def test_an_answer_from_before_is_no_answer(watched: Watched) -> None:
    """Asked before it was submitted, or before its last beat."""
    for _ in range(100):
        watched.job.look(1.0, Shown(0.0, {}))
    assert watched.job.is_alive()


def test_one_that_is_queued_again_waits_for_its_turn(watched: Watched) -> None:
    watched.folder.take(CLAIM)
    watched.pass_by(3, "RUNNING", beats=True)
    watched.pass_by(1000, "PENDING")
    assert watched.job.is_alive()
    assert watched.job.waits
    watched.pass_by(1, "RUNNING", beats=True)
    assert not watched.job.waits


def test_one_that_runs_and_is_silent_is_given_up(watched: Watched) -> None:
    """As on a node that hangs; its clock stands still while the supervisor does."""
    watched.folder.take(CLAIM)
    watched.pass_by(1, "RUNNING", beats=True)
    watched.pass_by(19, "RUNNING")
    assert watched.job.is_alive()
    watched.pass_by(3, "RUNNING")
    assert watched.job.lost is not None
    assert watched.job.lost.endswith("has given no sign of life for 20 s")
    assert watched.cancelled == ["7_0"]


def test_one_that_ends_unclaimed_has_vanished(watched: Watched) -> None:
    watched.pass_by(GRACE + 2, "")
    assert watched.job.vanished
    assert watched.job.lost is not None
    assert watched.job.lost.startswith("was lost before it began: ")


def test_one_that_waits_is_stopped_by_being_revoked(watched: Watched) -> None:
    watched.pass_by(1, "PENDING")
    watched.job.stop()
    assert not watched.job.is_alive()
    assert watched.job.lost is None
    assert watched.cancelled == ["7_0"]
    assert not watched.folder.take(CLAIM)


def test_one_at_work_is_asked_to_save_and_to_end_once(watched: Watched) -> None:
    watched.folder.take(CLAIM)
    watched.pass_by(1, "RUNNING", beats=True)
    for _ in range(3):
        watched.job.stop()
    assert watched.folder.told_to_stop == SAVE
    assert watched.cancelled == []
    for _ in range(3):
        watched.job.kill()
        watched.job.stop()
    assert watched.folder.told_to_stop == NOW
    assert watched.cancelled == ["7_0"]
    watched.pass_by(GRACE + 2, "")
    assert not watched.job.is_alive()
    assert watched.job.lost is None  # it was no loss


def test_one_that_was_queued_again_is_cancelled_where_it_is_to_stop(watched: Watched) -> None:
    watched.folder.take(CLAIM)
    watched.pass_by(2, "RUNNING", beats=True)
    watched.pass_by(2, "PENDING")
    watched.job.stop()
    assert watched.cancelled == ["7_0"]
    watched.pass_by(GRACE + 2, "")
    assert not watched.job.is_alive()


def test_one_that_an_earlier_supervisor_stopped_is_no_failure(watched: Watched) -> None:
    watched.folder.take(CLAIM)
    watched.folder.tell_to_stop(SAVE)
    watched.folder.end(code=0)
    watched.pass_by(1, "")
    assert watched.job.lost == "was stopped by an earlier call"
