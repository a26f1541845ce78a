"""A snapshot is the sweep as it was; the sweep itself is read anew at every call."""

from lab.report.collect import open_sweep
from lab.report.snapshot import Snapshot, snapshot


def test_it_says_what_the_sweep_says(plain_sweep):
    sweep = open_sweep(plain_sweep)
    kept = snapshot(sweep)
    assert kept.runs().equals(sweep.runs())
    assert kept.timing().equals(sweep.timing())
    assert kept.records() == sweep.records()
    assert kept.verdicts() == sweep.verdicts()
    assert kept.controls() == sweep.controls()
    assert kept.search() == sweep.search()
    assert kept.surplus() == sweep.surplus()
    assert kept.certificates() == sweep.certificates()
    run = kept.records()[0].run
    assert kept.curve(run).equals(sweep.curve(run))


def test_files_are_read_once(make_sweep):
    folder = make_sweep()
    sweep = open_sweep(folder)
    kept, n = snapshot(sweep), len(sweep.runs())
    assert len(kept.runs()) == n
    run = kept.runs()["run"].iloc[0]
    curve = kept.curve(run)
    for file in (folder / "runs" / run).iterdir():
        file.unlink()
    assert len(sweep.runs()) == n - 1
    assert len(kept.runs()) == len(kept.records()) == n
    assert kept.curve(run) is curve


def test_a_snapshot_of_a_snapshot_is_itself(plain_sweep):
    kept = snapshot(open_sweep(plain_sweep))
    assert isinstance(kept, Snapshot)
    assert snapshot(kept) is kept
