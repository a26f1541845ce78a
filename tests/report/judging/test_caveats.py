"""What a reader is told beside a verdict."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.report.collect import open_sweep
from lab.report.snapshot import snapshot


def in_cohorts(folder: Path, variant: str, phase: str, count: int) -> None:
    """So many of a variant's runs in a folder were trained in cohorts."""
    for file in sorted(folder.glob(f"runs/{variant}-*/order.json")):
        order = json.loads(file.read_text())
        if count and order["labels"]["phase"] == phase:
            file.write_text(json.dumps(order | {"execution": "cohort"}))
            count -= 1


@pytest.mark.parametrize("read", [open_sweep, lambda folder: snapshot(open_sweep(folder))])
def test_a_comparison_of_runs_that_were_executed_in_two_ways_says_so(
    make_sweep: Callable[..., Path], read: Callable[[Path], object]
) -> None:
    folder = make_sweep()
    before = {v.variant: v for v in open_sweep(folder).verdicts()}
    assert not any("in cohorts" in line for v in before.values() for line in v.caveats)
    in_cohorts(folder, "rope", "confirm", 3)
    in_cohorts(folder, "sinusoidal", "tune", 2)  # whose loss decides nothing here
    sweep = read(folder)
    found = {v.variant: v for v in sweep.verdicts()}  # type: ignore[attr-defined]
    n = 2 * found["rope"].n
    told = (
        f"{n - 3} of its runs were trained alone and 3 in cohorts, so a part of a difference may "
        "be rounding; --rerun trains them all in one way"
    )
    assert found["rope"].caveats == (told, *before["rope"].caveats)
    assert found["sinusoidal"] == before["sinusoidal"]


def test_one_way_is_no_caveat_whichever(make_sweep: Callable[..., Path]) -> None:
    folder = make_sweep()
    before = open_sweep(folder).verdicts()
    for variant in ("learned", "sinusoidal", "rope"):
        in_cohorts(folder, variant, "confirm", 1000)
    assert open_sweep(folder).verdicts() == before
