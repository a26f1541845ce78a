"""A worker answers its order with a file, whatever becomes of the run."""

from pathlib import Path
from threading import Event
from typing import Any

import pytest

from lab.config.order import WorkOrder
from lab.files import read_json, write_json
from lab.sweep.worker import ORDER, PROGRESS, REACHED, RESULT, _carry_out


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


def carry_out(folder: Path) -> set[str]:
    """Which answers stand there afterwards."""
    _carry_out(folder, Event())
    assert not (folder / PROGRESS).exists()
    return {name for name in (RESULT, REACHED) if (folder / name).exists()}


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


def test_a_failure_is_an_answer(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert carry_out(folder) == {REACHED}
    (folder / "metrics.csv").unlink()
    renew(folder, until=8)
    assert carry_out(folder) == {RESULT}
    result = read_json(folder / RESULT)
    assert result["status"] == "failed"
    assert "metrics.csv cannot be continued from step 4" in result["error"]
    assert "Traceback" in capfd.readouterr().err


def test_a_pause_in_between_evaluations_is_a_failure(folder: Path) -> None:
    renew(folder, until=6)
    assert carry_out(folder) == {RESULT}
    assert "until=6 is not a step with an evaluation" in read_json(folder / RESULT)["error"]
