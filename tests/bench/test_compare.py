"""What changed from one benchmark to another, and what only seems so."""

import io
from typing import Any

import pytest
from rich.console import Console

from lab.bench.compare import compared, comparison, differences, only_in
from lab.bench.record import Record
from tests.bench.rows import around

STEP = "nanogpt-cpu, GPT-2, fp32"


def changed(record: Record, *, factor: float, ratio: float = 1.0, **machine: Any) -> Record:
    """The same benchmark with a step that took `factor` times as long."""
    raw = record.dump()
    step = raw["parts"][0]["rows"][0]
    step["ours"] = around(0.05 * factor).dump()
    step["ratios"] = {name: around(0.5 * ratio).dump() for name in step["ratios"]}
    raw["machine"] |= machine
    return Record.parse(raw)


@pytest.mark.parametrize(
    ("factor", "change"),
    [
        (1.0, "as before"),
        (1.15, "as before"),
        (1.3, "slower"),
        (0.85, "as before"),
        (0.7, "faster"),
    ],
)
def test_a_change_counts_beyond_the_spread(record: Record, factor: float, change: str) -> None:
    """Spreads reach a tenth to either side."""
    step, *others = compared(record, changed(record, factor=factor))
    assert step.name == STEP
    assert step.change == change
    assert step.ratio == pytest.approx(factor)
    assert (step.first, step.second) == (0.05, pytest.approx(0.05 * factor))
    assert [other.change for other in others] == ["as before", "once"]


def test_a_busy_machine_changes_seconds_and_not_what_peers_take_of_them(record: Record) -> None:
    step, *_ = compared(record, changed(record, factor=2.0, ratio=1.05))
    assert step.change == "slower"
    assert step.peer == "transformers"
    assert step.to_peers == (0.5, pytest.approx(0.525))
    assert step.peer_change == "as before"


def test_ours_that_became_slower_shows_on_any_machine(record: Record) -> None:
    step, *_ = compared(record, changed(record, factor=1.0, ratio=1.5))
    assert step.change == "as before"
    assert step.peer_change == "slower"


def test_rows_without_a_time_are_left_out_and_those_of_one_alone_are_named(record: Record) -> None:
    raw = record.dump()
    del raw["parts"][1]
    less = Record.parse(raw)
    assert [row.section for row in compared(record, less)] == ["step", "step"]
    assert only_in(record, less) == (["report: 90 runs"], [])
    assert only_in(less, record) == ([], ["report: 90 runs"])


def test_a_time_for_less_is_no_comparison(record: Record) -> None:
    raw = record.dump()
    raw["parts"][0]["rows"][0]["amount"] = 100.0
    less = Record.parse(raw)
    assert STEP not in {row.name for row in compared(record, less)}
    assert only_in(record, less) == ([f"step: {STEP}"], [f"step: {STEP}"])


def test_other_machines_are_told(record: Record) -> None:
    assert differences(record, record) == []
    other = changed(record, factor=1.0, processor="Another").replaced({"threads": 2})
    assert differences(record, other) == [
        "processor differs: A processor and Another",
        "threads differs: 1 and 2",
    ]


def test_what_is_printed_has_medians_ratio_and_flag(record: Record) -> None:
    console = Console(width=120, file=io.StringIO())
    console.print(comparison(record, changed(record, factor=2.0, ratio=0.5, torch="3.0")))
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    line = next(line for line in said.splitlines() if STEP in line)
    for cell in ("50.0 ms", "100 ms", "2.00 slower", "0.50 → 0.25"):
        assert cell in line
    assert "3 rows: 0 faster, 1 slower" in said
    assert "torch differs: 2.13.0 and 3.0" in said
