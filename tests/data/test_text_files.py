import os
from pathlib import Path

import pytest

from lab.data.text_files import read
from lab.errors import DataError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("b.txt", "a.txt", "notes.md", "in/c.txt", "in/deep/d.txt", ".hidden.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["a.txt"], ["a.txt"]),
        (["b.txt", "a.txt"], ["a.txt", "b.txt"]),
        (["*.txt"], ["a.txt", "b.txt"]),
        (["**/*.txt"], ["a.txt", "b.txt", "in/c.txt", "in/deep/d.txt"]),
        (["in/**"], ["in/c.txt", "in/deep/d.txt"]),
        (["*.txt", "./a.txt", "in/../b.txt"], ["a.txt", "b.txt"]),
        (["[ab].txt", "notes.*"], ["a.txt", "b.txt", "notes.md"]),
        ([".hidden.txt"], [".hidden.txt"]),
    ],
)
def test_patterns_name_sorted_files_once(folder, patterns, names):
    assert read(patterns) == names
    assert read([str(folder / pattern) for pattern in patterns]) == names


def test_a_link_is_the_file_it_points_to():
    Path("link.txt").symlink_to("a.txt")
    assert sorted(read(["a.txt", "b.txt", "link.txt"])) == ["a.txt", "b.txt"]


def test_a_name_with_brackets_is_a_name():
    Path("[ab].txt").write_text("brackets")
    assert read(["[ab].txt"]) == ["brackets"]


def test_the_home_folder(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    assert read(["~/in/*.txt"]) == ["in/c.txt"]


@pytest.mark.parametrize("text", ["one\r\ntwo\rthree\n", "\ufeffmarked", "e\u0301 \0 🙂", ""])
def test_text_comes_as_it_is(text):
    Path("x.txt").write_bytes(text.encode())
    assert read(["x.txt"]) == [text]


@pytest.mark.parametrize(
    ("content", "byte", "offset"),
    [
        (b"abc\xff", "0xff", 3),
        ("abé".encode("latin-1") + b"c", "0xe9", 2),
        (b"ok\xe2\x82", "0xe2", 2),
    ],
)
def test_bytes_that_are_not_utf8_are_located(content, byte, offset):
    Path("bad.txt").write_bytes(content)
    with pytest.raises(DataError, match=rf"bad\.txt: byte {byte} at offset {offset} is not UTF-8"):
        read(["bad.txt"])


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a.tx", "did you mean '.*/a.txt'"),
        ("inn/c.txt", "did you mean '.*/in'"),
        ("in/e.txt", "did you mean '.*/in/c.txt'"),
        ("zzzzzz", "holds a.txt, b.txt, in, notes.md"),
        ("*.csv", "holds a.txt"),
        ("in/deep/*.csv", "in/deep holds d.txt"),
        ("a.txt/b", "did you mean '.*/a.txt'"),
        ("in", r"in is a folder; to read what is in it, write in/\*.txt"),
        ("i?", "no file"),
        ("x" * 300, "too long"),
    ],
)
def test_what_is_missing_is_named_with_what_is_there(pattern, expected):
    with pytest.raises(DataError, match=expected):
        read([pattern])


def test_a_long_folder_is_not_listed_whole():
    Path("many").mkdir()
    for n in range(30):
        Path("many", f"{n:02}.txt").touch()
    with pytest.raises(DataError) as caught:
        read(["many/**/words.csv"])
    assert "07.txt, …" in str(caught.value)
    assert "08.txt" not in str(caught.value)


def test_an_empty_folder_is_called_empty():
    Path("none").mkdir()
    with pytest.raises(DataError, match="none is empty"):
        read(["none/*"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read():
    Path("a.txt").chmod(0)
    with pytest.raises(DataError, match="Permission denied"):
        read(["a.txt"])
