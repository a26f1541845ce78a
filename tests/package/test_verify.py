import os
import shutil

import pytest

from lab.errors import PackageError
from lab.package.layout import FILES
from lab.package.manifest import read_manifest
from lab.package.verify import verify

ALL = [*FILES, "manifest.json"]


def test_a_whole_package_gives_its_manifest(package):
    assert verify(package) == read_manifest(package / "manifest.json")
    assert verify(str(package)) == verify(package)


@pytest.mark.parametrize("name", ALL)
def test_a_changed_byte_is_found_wherever_it_stands(package, name):
    content = (package / name).read_bytes()
    for position in (0, len(content) // 2, len(content) - 1):
        flipped = bytes([content[position] ^ 1])
        (package / name).write_bytes(content[:position] + flipped + content[position + 1 :])
        with pytest.raises(PackageError, match=name):
            verify(package)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("change", [-1, 1])
def test_a_shorter_or_longer_file_is_named(package, name, change):
    content = (package / name).read_bytes()
    (package / name).write_bytes(content[:-1] if change < 0 else content + b" ")
    with pytest.raises(PackageError, match=name):
        verify(package)


@pytest.mark.parametrize("name", ALL)
def test_a_missing_file_is_named(package, name):
    (package / name).unlink()
    with pytest.raises(PackageError, match=f"{name} is missing"):
        verify(package)


@pytest.mark.parametrize("name", ["notes.txt", ".hidden", "config.yml"])
def test_an_added_file_is_named(package, name):
    (package / name).write_text("")
    with pytest.raises(PackageError, match=f"'{name}' was added, remove it"):
        verify(package)


def test_an_added_folder_is_named(package):
    (package / "cache").mkdir()
    with pytest.raises(PackageError, match="'cache' was added"):
        verify(package)


def test_every_fault_is_named_at_once(package):
    (package / "metrics.csv").unlink()
    (package / "config.yaml").unlink()
    (package / "more\n.txt").write_text("")
    sentence = r"config.yaml is missing; metrics.csv is missing; 'more\\n.txt' was added"
    with pytest.raises(PackageError, match=sentence) as caught:
        verify(package)
    assert "\n" not in str(caught.value)


def test_many_faults_are_cut_short(package):
    for number in range(200):
        (package / f"{number}.tmp").write_text("")
    with pytest.raises(PackageError, match="and more") as caught:
        verify(package)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("name", ALL)
def test_links_are_refused_even_to_the_right_content(package, tmp_path, name):
    (package / name).rename(tmp_path / "moved")
    (package / name).symlink_to(tmp_path / "moved")
    with pytest.raises(PackageError, match=f"{name} is .*not a regular file"):
        verify(package)


@pytest.mark.parametrize("name", ALL)
def test_a_pipe_or_a_folder_in_a_files_place_is_refused_and_not_waited_for(package, name):
    (package / name).unlink()
    os.mkfifo(package / name)
    with pytest.raises(PackageError, match=f"{name} is .*not a regular file"):
        verify(package)
    (package / name).unlink()
    (package / name).mkdir()
    with pytest.raises(PackageError, match=f"{name} is .*not a regular file"):
        verify(package)


@pytest.mark.parametrize("name", FILES)
def test_a_huge_file_is_refused_unread(package, reseal, monkeypatch, name):
    """Whether the manifest agrees with its size or not."""
    with (package / name).open("r+b") as file:
        file.truncate(2**34)
    monkeypatch.setattr("lab.package.verify.hash_plain", lambda *_, **__: pytest.fail("was read"))
    with pytest.raises(PackageError, match=f"{name} has 17179869184 bytes, not the"):
        verify(package)
    (package / name).write_bytes(b"")
    reseal(package, lambda raw: raw["files"][name].update(bytes=2**34))
    with (package / name).open("r+b") as file:
        file.truncate(2**34)
    with pytest.raises(PackageError, match=f"{name} has 17179869184 bytes, and such a file at"):
        verify(package)


def test_a_package_may_be_moved_renamed_and_reached_by_a_link(package, tmp_path):
    moved = shutil.move(package, tmp_path / "another name")
    (tmp_path / "latest").symlink_to(moved)
    assert verify(tmp_path / "latest") == verify(moved)


def test_a_misspelt_package_is_told_the_nearest(package):
    with pytest.raises(PackageError, match="no such folder; did you mean 'package'"):
        verify(package.with_name("packege"))


def test_what_is_no_folder_says_so(package):
    with pytest.raises(PackageError, match="it is a file, and a package is a folder"):
        verify(package / "config.yaml")
    with pytest.raises(PackageError, match=r"the folder .*nowhere' does not exist"):
        verify(package / "nowhere" / "run")
