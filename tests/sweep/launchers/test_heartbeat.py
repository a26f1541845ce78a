"""A file that changes while somebody lives, and nobody's clock is asked."""

import time
from pathlib import Path

from lab.sweep.launchers.heartbeat import Heartbeat, Pulse


def until(pulse: Pulse) -> None:
    deadline = time.monotonic() + 30
    while not pulse.beats():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_it_beats_until_the_end(tmp_path: Path) -> None:
    pulse = Pulse(tmp_path / "heartbeat")
    assert not pulse.beats()
    with Heartbeat(tmp_path / "heartbeat", every=0.01):
        for _ in range(3):
            until(pulse)
    pulse.beats()
    time.sleep(0.05)
    assert not pulse.beats()
    assert [path.name for path in tmp_path.iterdir()] == ["heartbeat"]


def test_a_second_life_is_told_from_the_first(tmp_path: Path) -> None:
    """Though it begins to count anew."""
    pulse = Pulse(tmp_path / "heartbeat")
    for _ in range(2):
        with Heartbeat(tmp_path / "heartbeat", every=60):
            until(pulse)


def test_a_folder_that_goes_is_no_trouble(tmp_path: Path) -> None:
    with Heartbeat(tmp_path / "gone" / "heartbeat", every=0.01):
        time.sleep(0.05)
    assert not (tmp_path / "gone").exists()
