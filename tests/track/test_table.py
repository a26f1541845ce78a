"""Tables against Python's csv module, and against files that a crash has torn."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.errors import LabError
from lab.track.table import Table, records

texts = st.text(alphabet='ab",\n\ré', max_size=8)


@settings(deadline=None, max_examples=60, database=None)
@given(rows=st.lists(texts, max_size=6), cut=st.integers(0, 200))
def test_records_are_what_the_csv_module_reads_of_any_torn_file(rows: list[str], cut: int) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
    ends = [0]
    for row in rows:
        writer.writerow([row])
        ends.append(len(file.getvalue().encode()))
    torn = file.getvalue().encode()[:cut]
    whole = sum(end <= len(torn) for end in ends) - 1
    found = b"".join(records(torn)).decode()
    assert len(records(torn)) == whole
    assert [row[0] for row in csv.reader(io.StringIO(found, newline=""))] == rows[:whole]


def test_a_new_column_widens_what_was_written_before(tmp_path: Path) -> None:
    table = Table.new(tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "step\n"
    table.append(1, {"a": "1"})
    table.append(2, {"b": "2"})
    table.append(3, {"c": "3", "a": "4"})
    assert (tmp_path / "t.csv").read_text() == "step,a,b,c\n1,1,,\n2,,2,\n3,4,,3\n"
    assert [file.name for file in tmp_path.iterdir()] == ["t.csv"]


def test_cutting_back_takes_away_columns_that_came_later(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    table = Table.new(path)
    table.append(1, {"a": "1"})
    before = path.read_bytes()
    table.append(2, {"b": "2"})
    table.append(3, {"b": "3", "c": "4"})
    assert Table.resume(path, step=1).last_step == 1
    assert path.read_bytes() == before


def test_columns_given_from_the_beginning_stay(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    Table.new(path, columns=["text"]).append(5, {"text": '"a,b,"'})
    assert Table.resume(path, step=5, columns=["text"]).last_step == 5
    assert path.read_text() == 'step,text\n5,"a,b,"\n'
    assert Table.resume(path, step=4, columns=["text"]).last_step == -1
    assert path.read_text() == "step,text\n"


@pytest.mark.parametrize("content", [None, b"", b"step", b"step,a\nx,1\n", b"step,\xff\n1,1\n"])
def test_a_table_that_cannot_be_continued_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(LabError, match=r"t\.csv cannot be continued from step 3.*delete the run"):
        Table.resume(tmp_path / "t.csv", step=3)


@pytest.mark.parametrize("column", ["a,b", 'a"b', "a\nb", "step"])
def test_a_column_that_would_need_quoting_is_refused(tmp_path: Path, column: str) -> None:
    with pytest.raises(ValueError, match="cannot name a column"):
        Table.new(tmp_path / "t.csv").append(1, {column: "1"})


def test_a_row_written_in_part_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FullDisk(io.BytesIO):
        def write(self, content: bytes) -> int:  # type: ignore[override]
            return len(content) - 1

    table = Table.new(tmp_path / "t.csv", columns=["a"])
    monkeypatch.setattr(Path, "open", lambda *_, **__: FullDisk())
    with pytest.raises(OSError, match="step 1 was written in part"):
        table.append(1, {"a": "1"})


def test_a_file_that_someone_took_away_is_not_begun_without_its_header(tmp_path: Path) -> None:
    table = Table.new(tmp_path / "t.csv", columns=["a"])
    (tmp_path / "t.csv").unlink()
    with pytest.raises(FileNotFoundError):
        table.append(1, {"a": "1"})
