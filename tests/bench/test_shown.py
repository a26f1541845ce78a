"""Tables in a terminal, and the README's."""

import io
from pathlib import Path

import pytest
from rich.console import Console

import lab
from lab.bench.markdown import filled, markdown
from lab.bench.record import Part, Record, Row, read_record
from lab.bench.shown import head, tables
from lab.bench.units import large, rate, time, times
from tests.bench.rows import around

ROOT = Path(lab.__file__).parents[1]


def printed(part: Part, *, width: int) -> str:
    console = Console(width=width, file=io.StringIO())
    console.print(tables(part, width=width))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_peers_stand_below_ours_each_with_its_ratio(record: Record) -> None:
    lines = printed(record.parts[0], width=120).splitlines()
    at = next(n for n, line in enumerate(lines) if "nanogpt-cpu, GPT-2, fp32" in line)
    assert "50.0 ms (45.0–55.0)" in lines[at]
    assert "15,400 tokens/s" in lines[at]
    assert "80 %" in lines[at]
    assert "transformers" in lines[at + 1]
    assert "0.50 (0.45–0.55)" in lines[at + 1]
    assert "plain PyTorch" in lines[at + 2]
    assert "1.25 (1.12–1.38)" in lines[at + 2]


@pytest.mark.parametrize("part", [0, 1])
def test_nothing_is_cut_in_a_usual_terminal(record: Record, part: int) -> None:
    said = printed(record.parts[part], width=80)
    assert "…" not in said
    assert max(map(len, said.splitlines())) <= 80


def test_what_was_not_measured_says_why(record: Record) -> None:
    assert "nanogpt-cpu, GPT-2, bf16: not measured: no bf16" in printed(record.parts[0], width=100)
    said = printed(record.parts[1], width=100)
    assert "x is missing" in said
    assert "90 runs: page, bytes 800 k" in said


def test_a_section_without_a_time_is_no_empty_table() -> None:
    part = Part(section="large", title="large", rows=(Row(name="x", note="not measured: y"),))
    assert printed(part, width=80).splitlines() == ["large", "x: not measured: y"]


def test_the_head_tells_machine_and_load(record: Record) -> None:
    said = head(record).plain
    assert said == "A processor, cpu, 1 thread, torch 2.13.0; quick, load 0.1, 0.9"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(1234, "1,234 s"), (2.5, "2.50 s"), (0.0123, "12.3 ms"), (4e-6, "4.00 µs"), (4e-8, "0.04 µs")],
)
def test_times(seconds: float, said: str) -> None:
    assert time(seconds) == said


def test_quartiles_have_the_medians_unit() -> None:
    assert times(around(1.05e-3)) == "1.05 ms (0.94–1.16)"


@pytest.mark.parametrize(
    ("value", "said"), [(9.4e10, "94.0 G"), (1234, "1.23 k"), (12, "12.0 "), (2e14, "200 T")]
)
def test_large_numbers(value: float, said: str) -> None:
    assert large(value) == said


@pytest.mark.parametrize(
    ("of", "said"),
    [("FLOPs", "2.00 MFLOP/s"), ("bytes", "2.00 MB/s"), ("tokens", "2,000,000 tokens/s")],
)
def test_rates(of: str, said: str) -> None:
    assert rate(Row(name="x", ours=around(0.5), amount=1e6, of=of)) == said
    assert rate(Row(name="x", ours=around(0.5))) == ""


def test_the_table_has_headlines_alone_and_a_line_a_peer(record: Record) -> None:
    lines = markdown(record).splitlines()
    assert lines[0].count("|") == lines[1].count("|") == lines[2].count("|")
    assert lines[2:4] == [
        "| a training step | nanogpt-cpu, GPT-2, fp32 | 50.0 ms | 100 ms transformers "
        "| 0.50 (0.45–0.55) | 80 % |",
        "|  |  |  | 40.0 ms plain PyTorch | 1.25 (1.12–1.38) |  |",
    ]
    assert lines[4] == ""
    assert "A processor, one thread, torch 2.13.0" in lines[5]
    assert lines[6] == "a training step, nanogpt-cpu, GPT-2, bf16: not measured: no bf16."
    assert len(lines) == 7


def test_what_a_gpu_made_of_its_peak_is_told(record: Record) -> None:
    raw = record.dump()
    raw["parts"][0]["rows"][0]["values"] = {"MFU": 0.472, "micro-batch": 32.0}
    assert "| nanogpt-cpu, GPT-2, fp32, MFU 47 % |" in markdown(Record.parse(raw))


def test_it_is_put_between_its_markers(record: Record) -> None:
    text = "before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n"
    expected = f"before\n<!-- bench -->\n{markdown(record)}<!-- /bench -->\nafter\n"
    assert filled(text, record) == filled(expected, record) == expected


def test_the_readmes_table_is_what_was_measured() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    measured = read_record(ROOT / "scripts" / "bench" / "measured" / "cpu.json")
    assert filled(readme, measured) == readme
