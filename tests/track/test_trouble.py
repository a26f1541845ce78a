"""Many runs without wandb are one sentence."""

import logging
from pathlib import Path

import pytest

from lab.log import LINES, start_logs
from lab.track.trouble import LOST, tracking_trouble


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Three runs, of which wandb lost two; one of them in two attempts."""
    runs = [tmp_path / name for name in "abc"]
    for folder, errors in zip(
        runs, ([], ["OSError: full", "OSError: gone"], ["X: y"]), strict=True
    ):
        folder.mkdir()
        with start_logs(folder):
            logging.getLogger("lab.run").info("begun", extra={"fields": {"event": "begun"}})
            for error in errors:
                fields = {"event": LOST, "error": error}
                logging.getLogger("lab.track").warning("it failed", extra={"fields": fields})
    return runs


def test_the_runs_are_counted_and_the_first_error_is_told(runs: list[Path]) -> None:
    assert tracking_trouble(runs) == (
        "wandb failed in 2 runs, of which metrics.csv has every number and wandb has not: "
        "b: OSError: full"
    )
    told = tracking_trouble(runs[1:2])
    assert told is not None
    assert told.startswith("wandb failed in 1 run, ")


def test_no_trouble_is_none(runs: list[Path], tmp_path: Path) -> None:
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / LINES).write_bytes(b"\0{\n")
    assert tracking_trouble([runs[0], tmp_path / "damaged", tmp_path / "missing"]) is None
