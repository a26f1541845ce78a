"""A job on a node: run folders in, answers in them."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.config.order import WorkOrder
from lab.files import read_json, write_json
from lab.provenance.facts import facts
from lab.run_folder import ORDER, REACHED, RESULT
from lab.sweep.attempts import FAILURE
from lab.sweep.launchers.child import Child
from lab.sweep.worker import PROGRESS
from tests.commands.folder import wait_for


@pytest.fixture
def ordered(tmp_path: Path, tiny_run: dict[str, Any]) -> Callable[..., Path]:
    """`ordered("a", steps=12)` is the folder of a run with its order, of this very code."""

    def order(name: str, *, steps: int = 12, **more: Any) -> Path:
        config = {**tiny_run, "train": {**tiny_run["train"], "steps": steps}}
        provenance = {**facts(), "device": "cpu", **more}
        found = WorkOrder.parse(
            {
                "run": name,
                "digest": "d",
                "config": config,
                "labels": {},
                "settings": {},
                "provenance": provenance,
            }
        )
        write_json(tmp_path / name / ORDER, found.dump())
        return tmp_path / name

    return order


def test_a_job_of_two_runs(ordered: Callable[..., Path]) -> None:
    folders = [ordered("a"), ordered("b")]
    assert Child(folders).wait() == 0
    assert [read_json(folder / RESULT)["status"] for folder in folders] == ["complete"] * 2


def test_one_that_is_told_to_stop_leaves_a_checkpoint(ordered: Callable[..., Path]) -> None:
    """And says that all is well; the next job goes on from there."""
    first, second = ordered("a", steps=100_000), ordered("b")
    child = Child([first, second])
    wait_for(lambda: (first / PROGRESS).exists())
    child.stop()
    assert child.wait(60) == 0
    assert list((first / "checkpoint").glob("*.json"))
    assert not (first / RESULT).exists()
    assert not (second / "log.txt").exists()


def test_a_signal_for_who_began_it_does_not_end_it(ordered: Callable[..., Path]) -> None:
    folder = ordered("a", steps=100_000)
    child = Child([folder])
    os.kill(child.process.pid, signal.SIGUSR2)
    wait_for(lambda: (folder / PROGRESS).exists())
    os.kill(child.process.pid, signal.SIGUSR2)
    assert child.wait(1) is None
    child.kill()


def test_one_that_is_killed_takes_its_processes_along(ordered: Callable[..., Path]) -> None:
    folder = ordered("a", steps=100_000, processes=2, parallel="ddp")
    child = Child([folder])
    wait_for(lambda: (folder / PROGRESS).exists())
    assert child.poll() is None
    child.kill()
    assert child.poll() == -signal.SIGKILL
    wait_for(lambda: not _of(folder), seconds=30)


def test_several_processes_train_one_run_after_the_other(ordered: Callable[..., Path]) -> None:
    folders = [ordered(name, processes=2, parallel="ddp") for name in "ab"]
    assert Child(folders).wait() == 0
    for folder in folders:
        found = read_json(folder / RESULT)
        assert (found["status"], found["provenance"]["processes"]) == ("complete", 2)


def test_several_processes_stop_at_a_checkpoint(ordered: Callable[..., Path]) -> None:
    folder = ordered("a", steps=100_000, processes=2, parallel="ddp")
    child = Child([folder])
    wait_for(lambda: (folder / PROGRESS).exists())
    child.stop()
    assert child.wait(60) == 0
    assert list((folder / "checkpoint").glob("*.json"))
    assert not (folder / FAILURE).exists()
    assert not (folder / REACHED).exists()


def test_a_node_with_another_lab_trains_nothing(ordered: Callable[..., Path]) -> None:
    folder = ordered("a", torch="1.0.0")
    assert Child([folder]).wait() == 1
    told = read_json(folder / FAILURE)["error"]
    assert "has torch" in told
    assert "begun with 1.0.0; install the same there" in told


def test_what_a_run_trained_on_is_recorded(ordered: Callable[..., Path]) -> None:
    folder = ordered("a", processor="an abacus", cores=1)
    write_json(folder / "provenance.json", {"hardware": {"processor": "an abacus"}})
    assert Child([folder]).wait() == 0
    assert read_json(folder / RESULT)["provenance"]["cores"] == os.cpu_count()
    assert read_json(folder / "provenance.json")["hardware"]["processor"] != "an abacus"


def _of(folder: Path) -> list[str]:
    """Processes that were given a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if str(folder) in words:
            found.append(process.name)
    return found
