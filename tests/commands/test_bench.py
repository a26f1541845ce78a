"""`lab bench` as it is called."""

from pathlib import Path

import pytest

from lab.bench.record import read_record, write_record
from lab.cli import main
from tests.bench.rows import made_up_record


def test_measures_prints_and_keeps(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    assert main(["bench", "--only", "matmul", "--only", "large", "--out", str(path)]) == 0
    said = capsys.readouterr().out
    assert "matrix products" in said
    assert "there is no CUDA device here" in said or "gpt2-small" in said
    kept = read_record(path)
    assert [part.section for part in kept.parts] == ["matmul", "large"]
    assert kept.mode == "quick"


def test_a_section_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--only", "stepp"]) == 2
    assert "no section 'stepp' of the benchmark; did you mean 'step'?" in capsys.readouterr().err


def test_two_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for file in files:
        write_record(file, made_up_record())
    assert main(["bench", "compare", *map(str, files)]) == 0
    assert "3 rows: 0 faster, 0 slower" in capsys.readouterr().out


def test_a_table_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_record(tmp_path / "a.json", made_up_record())
    assert main(["bench", "table", str(tmp_path / "a.json")]) == 0
    assert capsys.readouterr().out.startswith("| what |")


@pytest.mark.parametrize("words", [["compare", "{}", "{}"], ["table", "{}"]])
def test_what_is_no_measurement_is_a_sentence_and_a_two(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.json").write_text("{}")
    for name in ("x.json", "none.json"):
        path = tmp_path / name
        assert main(["bench", *(word.format(path) for word in words)]) == 2
        said = capsys.readouterr().err
        assert "cannot be read" in said
        assert len(said.strip().splitlines()) == 1


def test_what_reads_takes_no_option_of_measuring(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--full", "table", "x.json"]) == 2
    assert "table takes no option of measuring" in capsys.readouterr().err
