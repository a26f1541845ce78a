"""What travels between a supervisor and a node that share no disk."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.config.order import WorkOrder
from lab.errors import PackageError
from lab.run import execute
from lab.run_folder import lay_order
from lab.sweep.launchers.parcel import Changes, Link, Watched, deliver, pack, unpack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run in its midst."""
    run = tmp_path / "run"
    (run / "checkpoint").mkdir(parents=True)
    (run / "order.json").write_text("{}")
    (run / "metrics.csv").write_text("step\n1\n")
    (run / "checkpoint" / "000000001.safetensors").write_bytes(b"\0\1")
    (run / "checkpoint" / "000000001.json").write_text("{}")
    (run / "wandb" / "empty").mkdir(parents=True)
    (run / "wandb" / "latest").symlink_to("empty")
    return run


def test_a_parcel_is_laid_out_as_it_was(folder: Path, tmp_path: Path) -> None:
    (folder / ".lock").touch()
    (folder / ".metrics.csv.abcdefgh").touch()  # of a writer that was killed
    unpack(pack(folder), tmp_path / "there")
    assert pack(tmp_path / "there") == pack(folder)
    assert not [*(tmp_path / "there").glob(".*")]
    assert (tmp_path / "there" / "wandb" / "latest").readlink() == Path("empty")


def test_only_what_changed_is_told_and_once(folder: Path) -> None:
    watched = Watched(folder, None)
    assert watched.changed() == []
    with (folder / "metrics.csv").open("a") as file:
        file.write("2\n")
    (folder / "checkpoint" / "000000001.json").unlink()
    (folder / "checkpoint" / "000000002.json").write_text("{}")
    found = watched.news()
    assert found.written == {"metrics.csv": b"step\n1\n2\n", "checkpoint/000000002.json": b"{}"}
    assert found.gone == ("checkpoint/000000001.json",)
    assert watched.news() == Changes({})


def test_what_is_not_wanted_is_told_later(folder: Path) -> None:
    watched = Watched(folder, None)
    (folder / "progress.json").write_text("{}")
    (folder / "log.txt").write_text("begun\n")
    assert watched.news(lambda path: path == "progress.json").written == {"progress.json": b"{}"}
    assert watched.changed() == ["log.txt"]


def test_a_touch_is_news(folder: Path) -> None:
    """It is the heartbeat of a run."""
    (folder / "progress.json").write_text("{}")
    watched = Watched(folder, None)
    os.utime(folder / "progress.json", ns=(1, 1))
    assert watched.changed() == ["progress.json"]


def test_the_record_is_read_after_the_checkpoint_that_it_goes_with(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows and a checkpoint that are written while somebody looks come together or not at all."""
    watched, looked = Watched(folder, None), []
    walk = os.walk

    def slowly(path: Path) -> object:
        if Path(path).name == "checkpoint" and not looked:
            looked.append(path)
            (folder / "metrics.csv").write_text("step\n1\n2\n")
            (folder / "checkpoint" / "000000002.json").write_text("{}")
        return walk(path)

    monkeypatch.setattr("lab.sweep.launchers.parcel.os.walk", slowly)
    assert watched.news().written.keys() == {"metrics.csv", "checkpoint/000000002.json"}


def test_an_answer_comes_last_and_only_then_something_goes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []

    def noted(name: str) -> Callable[..., None]:
        def note(path: Path, *_: object, **more: object) -> None:
            happened.append(f"{name} {path.relative_to(tmp_path)}")

        return note

    for name in ("_write", "_remove"):
        monkeypatch.setattr(f"lab.sweep.launchers.parcel.{name}", noted(name[1:]))
    written = {
        "result.json": b"{}",
        "checkpoint/000000002.json": b"{}",
        "checkpoint/000000002.safetensors": b"",
        "order.json": b"of the node",
        "metrics.csv": b"",
        "checkpoint": None,
    }
    changes = Changes(written, gone=("checkpoint", "checkpoint/000000001.json"), package={})
    deliver(changes, folder, package=tmp_path / "package", digest="")
    assert happened == [
        "write run/checkpoint",
        "write run/metrics.csv",
        "write run/checkpoint/000000002.safetensors",
        "write run/checkpoint/000000002.json",
        "write run/result.json",
        "remove run/checkpoint/000000001.json",
        "remove run/checkpoint",
    ]
    assert (tmp_path / "package").is_dir()


def test_a_run_that_travels_leaves_what_one_that_stays_does(
    order: Callable[..., WorkOrder], tmp_path: Path
) -> None:
    """Its package, too, goes where the supervisor's order says."""
    here, there = tmp_path / "here" / "run", tmp_path / "there" / "run"
    facts = order().provenance | {"device": "cpu"}
    ordered = WorkOrder.parse(order(package=True).dump() | {"provenance": facts})
    lay_order(here, ordered)
    unpack(pack(here), there)
    far = tmp_path / "far"
    elsewhere = WorkOrder.parse(ordered.dump() | {"package": str(far)})
    watched = Watched(there, far)
    execute(elsewhere, folder=there)
    package = Path(str(ordered.package))
    changes = watched.news()
    deliver(changes, here, package=package, digest=ordered.digest)
    assert pack(here) == pack(there)
    assert pack(package) == pack(far)
    deliver(changes, here, package=package, digest=ordered.digest)  # as of an attempt before
    assert pack(package) == pack(far)


def test_another_package_is_not_written_over(folder: Path, tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "manifest.json").write_text("{}")
    with pytest.raises(PackageError):
        deliver(Changes({"result.json": b"{}"}, package={}), folder, package=package, digest="")
    assert not (folder / "result.json").exists()


def test_a_link_takes_the_place_of_another(folder: Path) -> None:
    changes = Changes({"wandb/latest": Link("later"), "wandb/later": None})
    deliver(changes, folder, package=None, digest="")
    assert (folder / "wandb" / "latest").readlink() == Path("later")
