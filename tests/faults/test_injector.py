"""That every kind of write is seen, and broken as it is said."""

import errno
import shutil
from pathlib import Path

import pytest

from lab.files import new_folder, write_text
from tests.faults.injector import Faults, How, Killed, chosen, faults


def write_all(folder: Path) -> None:
    write_text(folder / "one.txt", "0123456789")
    with (folder / "log").open("a") as file:
        file.write("abcdefgh")
    with new_folder(folder / "made") as partial:
        (partial / "inside").write_text("x")
    (folder / "link").symlink_to("log")
    (folder / "log").unlink()
    shutil.rmtree(folder / "made")


def counted(folder: Path) -> list[str]:
    folder.mkdir()
    with faults(Faults(folder)) as found:
        write_all(folder)
    return found.writes


def test_every_kind_of_write_is_seen_in_order(tmp_path: Path) -> None:
    kinds = [write.split()[0] for write in counted(tmp_path / "a")]
    made = ["open", "open", "os.rename"]  # beside, content, in its place
    assert kinds[:3] == made
    assert [kind for kind in kinds if kind != "os.remove"][3:] == [
        "open", "os.mkdir", "open", "os.rename", "os.symlink", "os.rmdir"
    ]  # fmt: skip
    assert kinds[-3:] == ["os.remove", "os.remove", "os.rmdir"]


def test_of_each_kind_the_first_is_chosen_and_every_so_many() -> None:
    writes = [
        "open /runs/rope-3-0a1b2c3d/.config.yaml.abcd_123",
        "open /runs/learned-3-0a1b2c3d/.config.yaml.xyz_9876",
        "open /checkpoint/000000004.json",
        "open /checkpoint/000000008.json",
        "os.remove /checkpoint/000000004.json",
    ]
    assert chosen(writes, every=9) == [0, 2, 4]
    assert chosen(writes, every=3) == [0, 2, 3, 4]


def test_a_killed_process_writes_nothing_more(tmp_path: Path) -> None:
    n = len(counted(tmp_path / "whole"))
    left = []
    for at in range(n):
        folder = tmp_path / str(at)
        folder.mkdir()
        with pytest.raises(Killed), faults(Faults(folder, at=at)) as found:
            write_all(folder)
        assert found.broke
        left.append(sorted(path.name for path in folder.rglob("*")))
    assert left[0] == []
    assert len(left[1]) == 1  # what `finally` would have removed
    assert left[1][0].startswith(".one.txt.")


def test_a_torn_write_leaves_half(tmp_path: Path) -> None:
    writes = counted(tmp_path / "whole")
    at = next(k for k, write in enumerate(writes) if write == "open /log")
    folder = tmp_path / "torn"
    folder.mkdir()
    (folder / "log").write_text("1234")
    with pytest.raises(Killed), faults(Faults(folder, at=at, how="torn")):
        write_all(folder)
    assert (folder / "log").read_text() == "1234abcd"


@pytest.mark.parametrize(("how", "number"), [("no space", errno.ENOSPC), ("read-only", 30)])
def test_errors_come_from_the_kth_write_on(tmp_path: Path, how: How, number: int) -> None:
    with pytest.raises(OSError) as error, faults(Faults(tmp_path, at=3, how=how)):
        write_all(tmp_path)
    assert number in (error.value.errno, getattr(error.value.__cause__, "errno", None))


def test_a_full_disk_lets_files_be_removed(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("")
    with faults(Faults(tmp_path, at=0, how="no space")):
        (tmp_path / "old").unlink()
    assert not (tmp_path / "old").exists()


def test_reading_and_other_places_are_no_writes(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a").write_text("x")
    with faults(Faults(tmp_path / "root", at=0)) as found:
        (tmp_path / "root" / "a").read_text()
        (tmp_path / "beside").write_text("y")
    assert found.writes == []
    assert (tmp_path / "beside").exists()
