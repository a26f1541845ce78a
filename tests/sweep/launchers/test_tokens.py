"""Tokens travel by name: once to the shelf, once to a node."""

import os
from pathlib import Path

import pytest

from lab.config.data import DataConfig
from lab.data.prepare import prepare
from lab.data.store import open_prepared
from lab.errors import DataError
from lab.files import read_json, write_json
from lab.sweep.launchers.tokens import at_hand, lay


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tokens in the cache of the supervisor; from then on this process has that of a node."""
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "supervisor"))
    (tmp_path / "text.txt").write_text("what is read by many is laid out once\n" * 50)
    folder = prepare(
        DataConfig.parse({"corpus": {"kind": "file", "path": str(tmp_path / "text.txt")}})
    ).folder
    assert folder is not None
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "node"))
    return folder


def inodes(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_ino for file in folder.iterdir() if file.is_file()}


def test_the_shelf_takes_no_room(prepared: Path, tmp_path: Path) -> None:
    shelf = tmp_path / "sweep" / "tokens"
    lay([prepared], shelf)
    lay([prepared], shelf)
    assert inodes(shelf / prepared.name) == inodes(prepared)


def test_on_another_disk_there_is_a_copy(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("another disk")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    lay([prepared], tmp_path / "shelf")
    found = open_prepared(tmp_path / "shelf" / prepared.name)
    assert found.digest == open_prepared(prepared).digest


def test_a_node_that_sees_them_reads_them_where_they_are(prepared: Path, tmp_path: Path) -> None:
    lay([prepared], tmp_path / "shelf")
    assert at_hand(prepared, tmp_path / "shelf") == prepared
    assert not (tmp_path / "node").exists()


def test_another_makes_one_copy(prepared: Path, tmp_path: Path) -> None:
    shelf, away = tmp_path / "shelf", Path("/nowhere") / prepared.name
    lay([prepared], shelf)
    here = at_hand(away, shelf)
    first = inodes(here)
    assert here == tmp_path / "node" / "tokens" / prepared.name
    assert at_hand(away, shelf) == here
    assert inodes(here) == first


def test_a_damaged_copy_is_made_anew(prepared: Path, tmp_path: Path) -> None:
    shelf, away = tmp_path / "shelf", Path("/nowhere") / prepared.name
    lay([prepared], shelf)
    here = at_hand(away, shelf)
    os.truncate(here / "train.bin", 10)
    assert at_hand(away, shelf) == here
    assert open_prepared(here).digest == open_prepared(prepared).digest


def test_what_the_shelf_has_not_whole_is_refused(prepared: Path, tmp_path: Path) -> None:
    lay([prepared], tmp_path / "shelf")
    (tmp_path / "shelf" / prepared.name / "train.bin").unlink()
    with pytest.raises(DataError, match="missing or damaged"):
        at_hand(Path("/nowhere") / prepared.name, tmp_path / "shelf")


def test_the_same_text_by_another_name_is_beside_it(prepared: Path, tmp_path: Path) -> None:
    """What a result says of its text is what the supervisor's tokens say."""
    shelf, away = tmp_path / "shelf", Path("/nowhere") / prepared.name
    lay([prepared], shelf)
    own = tmp_path / "node" / "tokens" / prepared.name
    own.mkdir(parents=True)
    write_json(own / "meta.json", read_json(prepared / "meta.json") | {"seal": "another"})
    here = at_hand(away, shelf)
    assert here != own
    assert read_json(here / "meta.json") == read_json(prepared / "meta.json")
    assert at_hand(away, shelf) == here
