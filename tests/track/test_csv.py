"""The record of a run: its bytes, and that no kill at any moment changes them."""

import csv
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.track.base import RunInfo
from lab.track.csv import CsvTracker, read_rows, read_samples

Row = tuple[int, dict[str, float], str | None]


def test_the_files_of_a_run(make_info: Callable[..., RunInfo]) -> None:
    info = make_info()
    tracker = CsvTracker()
    tracker.start(info, step=0)
    tracker.log({"tokens": 0, "val/loss": 4.25}, step=0)
    tracker.log({"tokens": np.int64(2048), "train/loss": 0.1, "time/step": 0.5}, step=10)
    tracker.sample('He said "no",\nthen\r left', step=10)
    tracker.log({"tokens": 4096, "val/loss": math.nan, "train/loss": math.inf}, step=20)
    tracker.log({"time/step": 1e-7}, step=30)
    tracker.finish(status="complete")
    assert (info.folder / "metrics.csv").read_bytes() == (
        b"step,tokens,val/loss,train/loss\n0,0,4.25,\n10,2048,,0.1\n20,4096,nan,inf\n"
    )
    assert (info.folder / "timing.csv").read_bytes() == b"step,time/step\n10,0.5\n30,1e-07\n"
    assert (info.folder / "samples.csv").read_bytes() == (
        b'step,text\n10,"He said ""no"",\nthen\r left"\n'
    )


def test_every_row_is_on_disk_when_log_returns(make_info: Callable[..., RunInfo]) -> None:
    info = make_info()
    tracker = CsvTracker()
    tracker.start(info, step=0)
    tracker.log({"a": 1}, step=1)
    tracker.log({"a": 2}, step=2)
    assert (info.folder / "metrics.csv").read_text() == "step,a\n1,1\n2,2\n"


def test_a_start_at_zero_begins_anew(make_info: Callable[..., RunInfo]) -> None:
    info = make_info()
    for value in (1, 2):
        tracker = CsvTracker()
        tracker.start(info, step=0)
        tracker.log({"a": value, f"only/{value}": 1}, step=1)
        tracker.sample(str(value), step=1)
    assert (info.folder / "metrics.csv").read_text() == "step,a,only/2\n1,2,1\n"
    assert (info.folder / "samples.csv").read_text() == 'step,text\n1,"2"\n'


def test_a_float_reads_back_equal(make_info: Callable[..., RunInfo]) -> None:
    values = np.random.default_rng(0).normal(size=50) * 10.0 ** np.arange(-25, 25)
    info = make_info()
    tracker = CsvTracker()
    tracker.start(info, step=0)
    for step, value in enumerate(values):
        tracker.log({"a": value}, step=step)
    assert [*np.loadtxt(info.folder / "metrics.csv", delimiter=",", skiprows=1)[:, 1]] == [*values]


@pytest.mark.parametrize("step", [9, 10])
def test_a_step_is_logged_once_and_in_order(make_info: Callable[..., RunInfo], step: int) -> None:
    tracker = CsvTracker()
    tracker.start(make_info(), step=0)
    tracker.log({"time/step": 1.0}, step=10)
    with pytest.raises(ValueError, match=f"step {step} was logged after step 10"):
        tracker.log({"a": 1}, step=step)


def test_the_error_of_a_full_disk_reaches_the_run(make_info: Callable[..., RunInfo]) -> None:
    info = make_info()
    info.folder.parent.mkdir(parents=True)
    info.folder.write_text("a file where the folder should be")
    with pytest.raises(OSError):
        CsvTracker().start(info, step=0)


finite = st.floats(width=32) | st.integers(-(2**60), 2**60)
names = st.sampled_from(["tokens", "train/loss", "val/loss", "val/bpb", "time/step", "time/eval"])
samples = st.none() | st.text(alphabet='ab"\n\r,é', max_size=6)


@st.composite
def runs(draw: st.DrawFn) -> list[Row]:
    gaps = draw(st.lists(st.integers(1, 5), min_size=1, max_size=7))
    steps = [sum(gaps[: i + 1]) for i in range(len(gaps))]
    rows = st.dictionaries(names, finite, min_size=1, max_size=4)
    return [(step, draw(rows), draw(samples)) for step in steps]


@settings(deadline=None, max_examples=25, database=None)
@given(rows=runs(), data=st.data())
def test_a_run_killed_at_any_byte_ends_in_the_bytes_of_one_that_was_not(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], data: st.DataObject
) -> None:
    whole, killed = (_info(tmp_path_factory.mktemp("run")) for _ in range(2))
    _track(CsvTracker(), whole, rows, step=0)
    for name, keep in (("metrics.csv", False), ("timing.csv", True)):
        assert (whole.folder / name).read_bytes() == _oracle(rows, timing=keep)
    step = 0
    for _ in range(data.draw(st.integers(1, 3))):
        last = data.draw(st.integers(0, len(rows) - 1))
        _track(CsvTracker(), killed, rows[:last], step=step)
        _tear(CsvTracker(), killed, rows[: last + 1], step=step, data=data)
        seen = [s for s, _, _ in rows[:last]]
        step = data.draw(st.sampled_from([0, *seen]))  # the checkpoint
    _track(CsvTracker(), killed, rows, step=step)
    for name in ("metrics.csv", "timing.csv", "samples.csv"):
        assert (killed.folder / name).read_bytes() == (whole.folder / name).read_bytes()
    told = [(step, text) for step, _, text in rows if text is not None]
    assert read_samples(whole.folder, until=99) == told
    assert read_samples(whole.folder, until=3) == [(s, t) for s, t in told if s <= 3]
    for until in (3, 99):
        logged = [(step, sorted(row.items())) for step, row, _ in rows if step <= until]
        found = [(step, sorted(row.items())) for step, row in read_rows(whole.folder, until=until)]
        assert repr(found) == repr(logged)  # an integer is one again, and 0.0 is not -0.0


def test_nothing_to_read_where_no_file_is(tmp_path: Path) -> None:
    assert read_samples(tmp_path, until=9) == []
    assert read_rows(tmp_path, until=9) == []


def test_what_is_not_finite_is_read_back_too(make_info: Callable[..., RunInfo]) -> None:
    info = make_info()
    row = {"a": math.nan, "b": math.inf, "time/c": -math.inf, "d": 1e16, "e": -3}
    _track(CsvTracker(), info, [(1, row, None)], step=0)
    ((step, found),) = read_rows(info.folder, until=1)
    assert (step, repr(sorted(found.items()))) == (1, repr(sorted(row.items())))


def _info(folder: Path) -> RunInfo:
    return RunInfo(folder.name, folder, {}, {}, {}, "")


def _track(tracker: CsvTracker, info: RunInfo, rows: list[Row], *, step: int) -> None:
    """As a run that starts again at its checkpoint: rows after `step`, and no finish."""
    tracker.start(info, step=step)
    for at, metrics, text in rows:
        if at > step:
            tracker.log(metrics, step=at)
            if text is not None:
                tracker.sample(text, step=at)


def _tear(
    tracker: CsvTracker, info: RunInfo, rows: list[Row], *, step: int, data: st.DataObject
) -> None:
    """Do the last row as well, but die within it: any byte of what it appends may be the last."""
    files = [info.folder / name for name in ("metrics.csv", "timing.csv", "samples.csv")]
    before = [file.read_bytes() for file in files]
    _track(tracker, info, rows, step=step)
    for file, old in zip(files, before, strict=True):
        new = file.read_bytes()
        if new.startswith(old) and old:
            file.write_bytes(new[: len(old) + data.draw(st.integers(0, len(new) - len(old)))])


def _oracle(rows: list[Row], *, timing: bool) -> bytes:
    kept: list[dict[str, Any]] = []
    for step, metrics, _ in rows:
        wanted = {k: v for k, v in metrics.items() if k.startswith("time/") == timing}
        if wanted:
            kept.append({"step": step, **wanted})
    columns = list(dict.fromkeys(["step", *(name for row in kept for name in row)]))
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(kept)
    return file.getvalue().encode()
