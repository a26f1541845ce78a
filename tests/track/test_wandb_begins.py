"""When wandb begins: not in the way of a run's first step, and never later than its end."""

import sys
import threading
from collections.abc import Callable

import pytest

from lab.config.tracking import WandbConfig
from lab.track.base import RunInfo
from lab.track.wandb import WandbTracker
from tests.track.fake_wandb import FakeWandb

OFFLINE = WandbConfig(mode="offline")


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set once wandb is asked for a run."""
    event = threading.Event()
    monkeypatch.setitem(sys.modules, "wandb", FakeWandb("init", event.set))
    return event


@pytest.mark.parametrize("first", [0, 40])
def test_it_begins_with_the_first_row_after_a_step(
    first: int,
    begun: threading.Event,
    make_info: Callable[..., RunInfo],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lab.track.wandb.SOON", 600.0)
    tracker = WandbTracker(OFFLINE)
    tracker.start(make_info(), step=first)
    tracker.log({"val/loss": 2.0}, step=first)
    assert not begun.wait(0.2)
    tracker.log({"val/loss": 1.0}, step=first + 10)
    assert begun.wait(60)
    tracker.finish(status="complete")


def test_it_begins_soon_where_steps_are_slow(
    begun: threading.Event,
    make_info: Callable[..., RunInfo],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lab.track.wandb.SOON", 0.1)
    tracker = WandbTracker(OFFLINE)
    tracker.start(make_info(), step=0)
    assert begun.wait(60)
    tracker.finish(status="interrupted")


def test_a_run_that_ends_before_a_step_is_recorded_all_the_same(
    begun: threading.Event,
    make_info: Callable[..., RunInfo],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lab.track.wandb.SOON", 600.0)
    tracker = WandbTracker(OFFLINE)
    tracker.start(make_info(), step=0)
    tracker.log({"val/loss": float("nan")}, step=0)
    tracker.finish(status="diverged")
    assert begun.is_set()
