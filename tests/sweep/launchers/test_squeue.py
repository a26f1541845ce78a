"""What Slurm's queue shows, by a program of that name."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.sweep.launchers.squeue import Shown, Squeue


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`program(script)` is what squeue does from now on."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def write(script: str) -> None:
        file = tmp_path / "squeue"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    return write


def answer(squeue: Squeue, *, within: float = 30) -> Shown | None:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if (found := squeue.newest()) is not None:
            return found
        time.sleep(0.01)
    return None


def test_it_is_asked_for_all_jobs_at_once_and_seldom(
    program: Callable[[str], None], tmp_path: Path
) -> None:
    program(f'echo "$@" >> {tmp_path}/asked; echo "7_0|RUNNING"; echo "7_1|PENDING"')
    squeue = Squeue(clock=lambda: 100.0)
    found = answer(squeue)
    assert found == Shown(100.0, {"7_0": "RUNNING", "7_1": "PENDING"})
    assert answer(squeue, within=0.2) is None  # no more than one in five seconds
    (asked,) = (tmp_path / "asked").read_text().splitlines()
    assert {"--array", "--format=%i|%T"} <= set(asked.split())


@pytest.mark.parametrize("script", ["echo '7|RUNNING'; exit 1", "sleep 0.3; exit 1"])
def test_a_failure_says_nothing(program: Callable[[str], None], script: str) -> None:
    program(script)
    assert answer(Squeue(every=0.1), within=0.6) is None


def test_an_empty_queue_is_an_answer(program: Callable[[str], None]) -> None:
    program("exit 0")
    found = answer(Squeue())
    assert found is not None
    assert found.states == {}
