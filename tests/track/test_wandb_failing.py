"""No failure of wandb is a failure of the run: with a wandb that fails, or hangs, at will."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.config.tracking import WandbConfig
from lab.track.base import RunInfo
from lab.track.wandb import WandbTracker
from tests.track.fake_wandb import FakeWandb, fail

OFFLINE = WandbConfig(mode="offline")


CALLS = ["Settings", "setup", "init", "define_metric", "log", "summary", "Artifact", "add_dir"]
CALLS += ["log_artifact", "Table", "finish", "teardown"]


def live(tracker: WandbTracker, info: RunInfo) -> None:
    tracker.start(info, step=0)
    for step in range(3):
        tracker.log({"tokens": step, "val/loss": 1.0}, step=step)
    tracker.sample("text", step=2)
    tracker.summary({"test/loss": 1.0})
    tracker.artifact(Path("package"))
    tracker.finish(status="complete")


def test_the_fake_is_used_like_wandb(
    make_info: Callable[..., RunInfo],
    monkeypatch: pytest.MonkeyPatch,
    warnings_of: Callable[[], list[str]],
) -> None:
    fake = FakeWandb("", fail)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    live(WandbTracker(OFFLINE), make_info())
    assert set(fake.calls) == set(CALLS)
    assert fake.calls.count("log") == 3
    assert warnings_of() == []


@pytest.mark.parametrize("at", CALLS)
def test_the_first_error_is_warned_about_once_and_ends_wandb(
    at: str,
    make_info: Callable[..., RunInfo],
    monkeypatch: pytest.MonkeyPatch,
    warnings_of: Callable[[], list[str]],
) -> None:
    fake = FakeWandb(at, fail)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    tracker = WandbTracker(OFFLINE)
    live(tracker, make_info())
    (warning,) = warnings_of()
    assert "gets nothing more of this run, which goes on" in warning
    assert "OSError: no space left on device" in warning
    after = fake.calls[fake.calls.index(at) + 1 :]
    assert set(after) <= {"teardown"}  # parting with its helper process
    tracker.finish(status="complete")


@pytest.mark.parametrize("at", ["init", "finish"])
def test_a_call_that_hangs_is_left_behind(
    at: str,
    make_info: Callable[..., RunInfo],
    monkeypatch: pytest.MonkeyPatch,
    warnings_of: Callable[[], list[str]],
) -> None:
    never = threading.Event()
    fake = FakeWandb(at, lambda: never.wait() and None)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    live(WandbTracker(OFFLINE, finish_timeout=0.1), make_info())
    assert not never.is_set()  # the run has ended, that call has not
    (warning,) = warnings_of()
    assert "TimeoutError: not finished in 0.1 s" in warning
    assert "teardown" in fake.calls
    never.set()


def test_training_does_not_wait_for_wandb_to_start(
    make_info: Callable[..., RunInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = threading.Event()
    fake = FakeWandb("init", lambda: started.wait() and None)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    tracker = WandbTracker(OFFLINE)
    tracker.start(make_info(), step=0)
    metrics = {"tokens": 1.0}
    tracker.log(metrics, step=1)
    metrics.clear()  # what was logged is what it was then
    assert fake.rows == []
    started.set()
    tracker.finish(status="complete")
    assert fake.rows == [{"step": 1, "tokens": 1.0}]


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        (["offline-run-1-a/run-a.wandb"], False),
        (["offline-run-1-a/run-a.wandb", "offline-run-2-a/logs"], False),  # killed at its start
        (["offline-run-1-a/run-a.wandb", "offline-run-1-a/run-a.wandb.synced"], True),
        (["offline-run-1-a/run-a.wandb", "offline-run-1-a/run-a.wandb.syncstate"], True),
        (["offline-run-1-a/run-a.wandb", "run-2-a/run-a.wandb"], True),
    ],
)
@pytest.mark.parametrize("begun", [0, 2])
def test_what_may_have_been_sent_is_continued_and_all_else_begun_anew(
    found: list[str],
    kept: bool,
    begun: int,
    make_info: Callable[..., RunInfo],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = FakeWandb("", fail)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    info = make_info()
    (info.folder / "metrics.csv").parent.mkdir(parents=True)
    (info.folder / "metrics.csv").write_text("step,tokens\n1,10\n2,20\n3,30\n")
    for name in found:
        (info.folder / "wandb" / name).parent.mkdir(parents=True, exist_ok=True)
        (info.folder / "wandb" / name).touch()
    tracker = WandbTracker(OFFLINE)
    tracker.start(info, step=begun)
    tracker.log({"tokens": 30.5}, step=3)
    tracker.finish(status="complete")
    assert [name for name in found if (info.folder / "wandb" / name).exists()] == found * kept
    before = [{"step": step, "tokens": 10 * step} for step in (1, 2) if begun and not kept]
    assert fake.rows == [*before, {"step": 3, "tokens": 30.5}]


def test_a_record_that_cannot_be_replaced_stays(
    make_info: Callable[..., RunInfo],
    monkeypatch: pytest.MonkeyPatch,
    warnings_of: Callable[[], list[str]],
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", FakeWandb("init", fail))
    info = make_info()
    (info.folder / "wandb" / "offline-run-1-a").mkdir(parents=True)
    live(WandbTracker(OFFLINE), info)
    assert len(warnings_of()) == 1
    assert (info.folder / "wandb" / "offline-run-1-a").is_dir()


@pytest.mark.parametrize("shadowed", [True, False])
def test_without_wandb_there_is_one_warning(
    shadowed: bool,
    tmp_path: Path,
    make_info: Callable[..., RunInfo],
    monkeypatch: pytest.MonkeyPatch,
    warnings_of: Callable[[], list[str]],
) -> None:
    if shadowed:
        (tmp_path / "modules" / "wandb").mkdir(parents=True)
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "modules")])
    live(WandbTracker(WandbConfig()), make_info())
    (warning,) = warnings_of()
    assert "wandb is not installed; pip install wandb" in warning


def test_the_environment_is_given_back(
    tmp_path: Path, make_info: Callable[..., RunInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_CACHE_DIR", "chosen")
    before = dict(os.environ)
    seen: dict[str, str] = {}
    fake = FakeWandb("init", lambda: seen.update(os.environ))
    monkeypatch.setitem(sys.modules, "wandb", fake)
    info = make_info()
    live(WandbTracker(OFFLINE), info)
    assert dict(os.environ) == before
    assert Path(seen["WANDB_DATA_DIR"]).is_relative_to(info.folder)
    assert seen["WANDB_CACHE_DIR"] == "chosen"
