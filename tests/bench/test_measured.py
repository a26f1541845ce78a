"""What somebody who waits for a benchmark gets."""

from pathlib import Path

import pytest

from lab.bench.measured import measure_asked
from lab.bench.record import read_record
from lab.bench.sections import large
from lab.errors import ConfigError


def test_what_was_measured_outlives_what_goes_wrong_after_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(bench: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(large, "rows", broken)
    path = tmp_path / "found.json"
    with pytest.raises(ZeroDivisionError):
        measure_asked(["large", "matmul"], quick=True, threads=1, out=path)
    (part,) = read_record(path).parts
    assert part.section == "matmul"


def test_sections_come_in_their_own_order_and_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "found.json"
    measure_asked(["large", "matmul", "large"], quick=True, threads=1, out=path)
    assert [part.section for part in read_record(path).parts] == ["matmul", "large"]
    said = capsys.readouterr().out
    assert said.index("matrix products") < said.index("a large run on a GPU")


def test_a_section_that_there_is_not_is_told_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'matmul'"):
        measure_asked(["matmull"], quick=True, threads=1, out=tmp_path / "found.json")
    assert not list(tmp_path.iterdir())
