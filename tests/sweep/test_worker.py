"""A worker answers its order with a file, whatever becomes of the run."""

import errno
import os
from pathlib import Path
from threading import Event
from typing import Any

import pytest

import lab.run
from lab.config.order import WorkOrder
from lab.errors import NoSpace
from lab.files import read_json, write_json
from lab.holding import held
from lab.run_folder import ORDER, REACHED, RESULT
from lab.sweep.attempts import FAILURE, NO_SPACE, OUT_OF_MEMORY
from lab.sweep.worker import FAILED, PROGRESS, Progress, _carry_out, visible


@pytest.fixture
def folder(tmp_path: Path, tiny_run: dict[str, Any]) -> Path:
    """The folder of a run that is to pause at step 4 of 12."""
    order = WorkOrder.parse(
        {
            "run": "tiny",
            "digest": "d",
            "config": tiny_run,
            "labels": {},
            "settings": {},
            "until": 4,
            "provenance": {},
        }
    )
    write_json(tmp_path / "run" / ORDER, order.dump())
    return tmp_path / "run"


def renew(folder: Path, **changes: Any) -> None:
    write_json(folder / ORDER, read_json(folder / ORDER) | changes)


ANSWERS = (RESULT, REACHED, FAILURE)


def carry_out(folder: Path, *, code: int = 0) -> set[str]:
    """Which answers stand there afterwards."""
    assert _carry_out(folder, Event()) == code
    assert not (folder / PROGRESS).exists()
    return {name for name in ANSWERS if (folder / name).exists()}


def raising(error: BaseException) -> Any:
    def execute(order: WorkOrder, *, on_row: Any, **more: Any) -> None:
        on_row(7, {"train/loss": 1.0})
        raise error

    return execute


def test_an_order_that_ends_early_is_renewed(folder: Path) -> None:
    assert carry_out(folder) == {REACHED}
    assert read_json(folder / REACHED)["step"] == 4
    renew(folder, until=8)
    assert carry_out(folder) == {REACHED}
    assert read_json(folder / REACHED)["step"] == 8
    renew(folder, until=None)
    assert carry_out(folder) == {RESULT}
    result = read_json(folder / RESULT)
    assert (result["status"], result["step"]) == ("complete", 12)


def test_a_failure_is_told_and_takes_nothing_away(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert carry_out(folder) == {REACHED}
    renew(folder, until=8)
    monkeypatch.setattr(lab.run, "execute", raising(RuntimeError("boom")))
    assert carry_out(folder, code=FAILED) == {REACHED, FAILURE}
    assert read_json(folder / FAILURE) == {"error": "RuntimeError: boom", "step": 7}
    assert "Traceback" in caplog.text
    assert list((folder / "checkpoint").glob("*.json"))


def test_a_pause_in_between_evaluations_is_a_failure(folder: Path) -> None:
    renew(folder, until=6)
    assert carry_out(folder, code=FAILED) == {FAILURE}
    assert "until=6 is not a step with an evaluation" in read_json(folder / FAILURE)["error"]


def test_a_failure_says_how_far_it_came(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab.run, "execute", raising(MemoryError()))
    assert carry_out(folder, code=FAILED) == {FAILURE}
    told = read_json(folder / FAILURE)
    assert told["step"] == 7
    assert told["error"].startswith(OUT_OF_MEMORY)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), NoSpace("the disk is full")])
def test_a_full_disk_has_a_code_of_its_own_and_nothing_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    monkeypatch.setattr(lab.run, "execute", raising(error))
    assert carry_out(folder, code=NO_SPACE) == set()


def test_a_disk_too_full_to_tell_of_another_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, value: Any) -> None:
        raise NoSpace("the disk is full")

    monkeypatch.setattr(lab.run, "execute", raising(RuntimeError("boom")))
    monkeypatch.setattr("lab.sweep.worker.write_json", full)
    assert carry_out(folder, code=NO_SPACE) == set()


def test_an_answer_of_one_that_died_only_now_stands(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(folder / RESULT, {"status": "complete"})
    monkeypatch.setattr(lab.run, "execute", raising(AssertionError("it is trained twice")))
    assert carry_out(folder) == {RESULT}


def test_a_folder_that_another_holds_is_left_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.sweep.worker.PATIENCE", 0.1)
    with held(folder):
        write_json(folder / PROGRESS, {"step": 3})
        assert _carry_out(folder, Event()) == FAILED
        assert read_json(folder / PROGRESS) == {"step": 3}
    assert f"is held by process {os.getpid()} on" in read_json(folder / FAILURE)["error"]
    (folder / FAILURE).unlink()
    assert carry_out(folder) == {REACHED}


def test_progress_is_a_heartbeat(tmp_path: Path) -> None:
    """Of a run without a row yet, too; and what is not finite is left out of the display."""
    progress = Progress(tmp_path / PROGRESS)
    progress.beat()
    os.utime(tmp_path / PROGRESS, (1, 1))
    progress.beat()  # not a second has gone
    assert (tmp_path / PROGRESS).stat().st_mtime == 1
    progress.beaten -= 2
    progress.beat()
    assert (tmp_path / PROGRESS).stat().st_mtime > 1
    progress(3, {"train/loss": float("nan"), "val/loss": 2.0})
    assert read_json(tmp_path / PROGRESS) == {"step": 3, "val/loss": 2.0}


@pytest.mark.parametrize(
    ("device", "among", "name"),
    [
        (1, None, "1"),
        (0, "", "0"),
        (1, "2,3", "3"),
        (0, "GPU-8f1c, GPU-77aa", "GPU-8f1c"),
    ],
)
def test_a_gpu_is_counted_among_those_that_were_given(
    device: int, among: str | None, name: str
) -> None:
    assert visible(device, among=among) == name
