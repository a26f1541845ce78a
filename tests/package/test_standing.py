"""What stands where a package goes: an attempt's own is put away, anything else stays."""

from pathlib import Path

import pytest

from lab.errors import PackageError
from lab.package.layout import FILES, MANIFEST
from lab.package.standing import put_away


def folder_of(path: Path, *names: str) -> Path:
    path.mkdir(parents=True)
    for name in names:
        (path / name).write_text("x")
    return path


@pytest.mark.parametrize("names", [(), FILES, FILES[:2]])
def test_remains_without_a_manifest_go(tmp_path: Path, names: tuple[str, ...]) -> None:
    put_away(folder_of(tmp_path / "p", *names), digest="d")
    assert not list(tmp_path.iterdir())


def test_what_is_no_package_stays(tmp_path: Path) -> None:
    put_away(folder_of(tmp_path / "p", "thesis.tex", *FILES), digest="d")
    assert (tmp_path / "p" / "thesis.tex").exists()
    (tmp_path / "file").write_text("x")
    put_away(tmp_path / "file", digest="d")
    (tmp_path / "link").symlink_to(folder_of(tmp_path / "linked"))
    put_away(tmp_path / "link", digest="d")
    put_away(tmp_path / "nothing", digest="d")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "link", "linked", "p"]


def test_a_damaged_manifest_is_told(tmp_path: Path) -> None:
    with pytest.raises(PackageError):
        put_away(folder_of(tmp_path / "p", MANIFEST), digest="d")
    assert (tmp_path / "p" / MANIFEST).exists()


def test_what_a_kill_left_aside_goes(tmp_path: Path) -> None:
    folder_of(tmp_path / ".p.aside", *FILES)
    put_away(tmp_path / "p", digest="d")
    assert not list(tmp_path.iterdir())
