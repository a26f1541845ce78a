"""What was measured comes back from its file; what is no such file is a sentence."""

import json
from pathlib import Path

import pytest

from lab.bench.record import Record, Row, read_record, write_record
from lab.errors import ConfigError


def test_a_file_gives_the_record_back(record: Record, tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    write_record(path, record)
    assert read_record(path) == record
    assert json.loads(path.read_text())["kind"] == "lab bench"


def test_rows_are_known_by_section_name_and_amount(record: Record) -> None:
    rows = record.rows()
    assert len(rows) == 4
    assert rows["report", "90 runs", None].values == {"page, bytes": 8e5}


def test_a_rate_needs_an_amount_and_a_time(record: Record) -> None:
    step = record.rows()["step", "nanogpt-cpu, GPT-2, fp32", 768.0]
    assert step.rate == pytest.approx(768 / 0.05)
    assert Row(name="x", amount=3, of="tokens").rate is None


BAD = {
    "absent": (None, "No such file"),
    "no JSON": ("hello", "Expecting value"),
    "not finite": ('{"kind": "lab bench", "load": [NaN]}', "NaN is not a finite number"),
    "something else": ('{"status": "complete"}', "it is no record of a benchmark"),
    "a list": ("[1, 2]", "it is no record of a benchmark"),
    "of a later version": ('{"kind": "lab bench", "version": 2}', "version"),
    "half of it": ('{"kind": "lab bench", "version": 1}', "mode: Field required"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_file_is_a_sentence(fault: str, tmp_path: Path) -> None:
    content, expected = BAD[fault]
    path = tmp_path / "found.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        read_record(path)
    said = str(caught.value)
    assert expected in said
    assert str(path) in said
    assert "lab bench --out" in said
    assert len(said.splitlines()) == 1


def test_a_folder_is_no_record(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_record(tmp_path)
