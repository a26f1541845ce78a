"""Evaluations are read back as they were logged, whatever state the file is in."""

import math
from collections.abc import Callable

import pytest

from lab.track.base import RunInfo
from lab.track.csv import METRICS_FILE, CsvTracker
from lab.track.evaluations import evaluations

MakeInfo = Callable[..., RunInfo]
ROWS: dict[int, dict[str, float]] = {
    0: {"tokens": 0, "val/loss": 4.5, "val/bpb": 1 / 3},
    5: {"tokens": 50, "train/loss": 4.0},
    10: {"tokens": 100, "train/loss": 3.0, "val/loss": 800.0, "val/bpb": 1154.0},
    20: {"tokens": 200, "train/loss": math.nan, "val/loss": math.nan, "val/bpb": math.inf},
    30: {"tokens": 300, "train/loss": math.inf, "val/loss": 2.5},
}


@pytest.fixture
def info(make_info: MakeInfo) -> RunInfo:
    info, tracker = make_info(), CsvTracker()
    tracker.start(info, step=0)
    for step, row in ROWS.items():
        tracker.log(row, step=step)
    tracker.finish(status="complete")
    return info


def test_finite_metrics_of_rows_with_a_validation(info: RunInfo) -> None:
    assert evaluations(info.folder) == {
        "0": {"val/loss": 4.5, "val/bpb": 1 / 3},
        "10": {"train/loss": 3.0, "val/loss": 800.0, "val/bpb": 1154.0},
        "30": {"val/loss": 2.5},
    }


def test_a_torn_row_does_not_count(info: RunInfo) -> None:
    path = info.folder / METRICS_FILE
    path.write_bytes(path.read_bytes()[:-4])
    assert list(evaluations(info.folder)) == ["0", "10"]


def test_none_before_the_first_row(make_info: MakeInfo) -> None:
    info, tracker = make_info(), CsvTracker()
    assert evaluations(info.folder) == {}
    tracker.start(info, step=0)
    assert evaluations(info.folder) == {}
