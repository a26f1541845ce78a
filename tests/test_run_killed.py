"""A run that was killed at any of its writes: nothing is lost, nothing is done twice."""

import importlib
import logging
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lab.run
from lab.config.order import WorkOrder
from lab.errors import SweepError
from lab.files import read_json, write_json
from lab.package.read import load_package
from lab.run import execute
from lab.track.csv import CsvTracker

Order = Callable[..., WorkOrder]


QUICK: dict[str, Any] = {"evaluate.tokens": 200}


class Killed(BaseException):
    """Nothing in the lab catches this."""


def untimed(content: dict[str, Any] | None) -> dict[str, Any]:
    assert content is not None
    return {key: value for key, value in content.items() if key != "timing"}


def bytes_of(folder: Path) -> dict[str, bytes]:
    """All that a run or a package consists of, but for what tells of time."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name not in ("timing.csv", "result.json")
    }


def killing(
    monkeypatch: pytest.MonkeyPatch, where: str, *, call: int, after: bool
) -> Callable[[], None]:
    """Die at a call of a function, before it or after it; returns what makes it live again."""
    module, _, name = where.rpartition(".")
    owner: Any = CsvTracker if module.endswith("CsvTracker") else importlib.import_module(module)
    real, calls = getattr(owner, name), 0

    def deadly(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and not after:
            raise Killed
        found = real(*args, **kwargs)
        if calls == call:
            raise Killed
        return found

    monkeypatch.setattr(owner, name, deadly)
    return lambda: monkeypatch.setattr(owner, name, real)


# Where a run writes, and the number of the call.
WRITES = [
    ("lab.track.csv.CsvTracker.start", 1),
    ("lab.track.csv.CsvTracker.log", 5),
    ("lab.track.csv.CsvTracker.sample", 2),
    ("lab.train.checkpoint.save_file", 2),
    ("lab.train.checkpoint.write_json", 2),
    ("lab.parts.write_text", 1),
    ("lab.parts.put_away", 1),
    ("lab.parts.write_package", 1),
    ("lab.parts.verify", 1),
    ("lab.run.write_json", 1),
    ("lab.run._tidy", 1),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_a_write(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    asked = order(**QUICK, **{"evaluate.lengths": [8, 16]})
    assert asked.package is not None
    package, whole = Path(asked.package), tmp_path / "whole"
    expected = untimed(execute(asked, folder=whole))
    packaged = bytes_of(package)
    for where, call in WRITES:
        shutil.rmtree(package)
        parts = tmp_path / f"{where}-{call}"
        live_again = killing(monkeypatch, where, call=call, after=after)
        with pytest.raises(Killed):
            execute(asked, folder=parts)
        live_again()
        assert untimed(execute(asked, folder=parts)) == expected, where
        assert bytes_of(parts) == bytes_of(whole), where
        assert untimed(read_json(parts / "result.json")) == expected, where
        assert bytes_of(package) == packaged, where
        assert [file.name for file in package.parent.iterdir()] == [package.name], where
    load_package(package)


def test_a_pause_that_was_killed_is_a_pause(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = WorkOrder.parse({**order(package=False, **QUICK).dump(), "until": 8})
    expected = untimed(execute(asked, folder=tmp_path / "whole"))
    for after in (False, True):
        folder = tmp_path / str(after)
        live_again = killing(monkeypatch, "lab.run.write_json", call=1, after=after)
        with pytest.raises(Killed):
            execute(asked, folder=folder)
        live_again()
        assert untimed(execute(asked, folder=folder)) == expected
        assert untimed(read_json(folder / "reached.json")) == expected


class TestWhatStandsThere:
    """In the folder of a run that is started."""

    def test_its_result_is_taken_and_nothing_is_trained(
        self, order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What a kill just before its last deed has left goes."""
        asked, folder = order(), tmp_path / "run"
        live_again = killing(monkeypatch, "lab.run._tidy", call=1, after=False)
        with pytest.raises(Killed):
            execute(asked, folder=folder)
        live_again()
        write_json(folder / "reached.json", {"digest": asked.digest, "status": "running"})
        assert (folder / "checkpoint").is_dir()
        monkeypatch.setattr(lab.run, "Parts", None)
        assert execute(asked, folder=folder) == read_json(folder / "result.json")
        assert not (folder / "checkpoint").exists()
        assert not (folder / "reached.json").exists()

    def test_a_result_of_another_run_is_refused(self, order: Order, tmp_path: Path) -> None:
        write_json(tmp_path / "result.json", {"digest": "0" * 64, "status": "complete"} | STANDING)
        with pytest.raises(SweepError, match=r"result.json belongs to another run"):
            execute(order(), folder=tmp_path)

    @pytest.mark.parametrize("text", ["", "[]", "{", "1", "[" * 10**5])
    def test_a_damaged_result_is_refused(self, order: Order, tmp_path: Path, text: str) -> None:
        (tmp_path / "result.json").write_text(text)
        with pytest.raises(SweepError, match=r"result.json (cannot be read|is damaged)"):
            execute(order(), folder=tmp_path)

    def test_a_result_in_part_is_refused(self, order: Order, tmp_path: Path) -> None:
        asked = order()
        write_json(tmp_path / "result.json", {"digest": asked.digest, "status": "complete"})
        with pytest.raises(SweepError, match=r"result.json is damaged \(step is None\)"):
            execute(asked, folder=tmp_path)

    @pytest.mark.parametrize("status", ["failed", "pruned", "complete"])
    def test_a_result_that_does_not_answer_is_replaced(
        self, order: Order, tmp_path: Path, status: str
    ) -> None:
        """An attempt that failed, a run that is wanted after all, one that was judged otherwise."""
        asked = order(package=False, judge="test", **QUICK)
        standing = {"digest": asked.digest, "status": status} | STANDING
        write_json(tmp_path / "run" / "result.json", standing)
        content = execute(asked, folder=tmp_path / "run")
        assert content is not None
        assert "test/loss" in content["metrics"]

    def test_what_killed_writers_left_is_cleared(self, order: Order, tmp_path: Path) -> None:
        asked, folder = order(package=False, **QUICK), tmp_path / "run"
        folder.mkdir()
        (folder / ".metrics.csv.ab12cd34").write_text("torn")
        (folder / ".result.json.ab12cd34").write_text("torn")
        (folder / ".lock").write_text("")
        execute(asked, folder=folder)
        hidden = [file.name for file in folder.iterdir() if file.name.startswith(".")]
        assert hidden == [".lock"]


STANDING: dict[str, Any] = {
    "seed": 1, "step": 4, "metrics": {"val/loss": 1.0}, "evaluations": {}, "model": {},
    "timing": {}, "diverged_at": None, "error": None, "package": None,
}  # fmt: skip


def stopped(asked: WorkOrder, folder: Path, *, at: int) -> None:
    steps = iter(range(1, 99))
    assert execute(asked, folder=folder, stop=lambda: next(steps) >= at) is None


class TestDamage:
    """Of what a killed run needs to continue. It ends as if it had never been begun."""

    def check(self, asked: WorkOrder, folder: Path, whole: Path) -> None:
        assert untimed(execute(asked, folder=folder)) == untimed(read_json(whole / "result.json"))
        assert bytes_of(folder) == bytes_of(whole)

    def test_both_checkpoints(
        self, order: Order, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        asked, whole, parts = order(package=False, **QUICK), tmp_path / "whole", tmp_path / "parts"
        execute(asked, folder=whole)
        stopped(asked, parts, at=9)
        found = sorted((parts / "checkpoint").glob("*.safetensors"))
        assert len(found) == 2
        for file in found:
            file.write_bytes(file.read_bytes()[:-1])
        with caplog.at_level(logging.WARNING):
            self.check(asked, parts, whole)
        told = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
        assert [line.count("is passed over") for line in told] == [1, 1, 0]
        assert "the run starts from the beginning" in told[-1]

    def test_those_of_another_run(self, order: Order, tmp_path: Path) -> None:
        asked, whole, parts = order(package=False, **QUICK), tmp_path / "whole", tmp_path / "parts"
        execute(asked, folder=whole)
        stopped(order(package=False, **QUICK, seed=1), parts, at=9)
        self.check(asked, parts, whole)

    @pytest.mark.parametrize("name", ["metrics.csv", "samples.csv", "timing.csv"])
    def test_a_record(self, order: Order, tmp_path: Path, name: str) -> None:
        asked, whole = order(package=False, **QUICK), tmp_path / "whole"
        execute(asked, folder=whole)
        for damage in ("missing", "rows lost", "a number changed", "no text"):
            parts = tmp_path / damage
            stopped(asked, parts, at=9)
            file = parts / name
            content = file.read_bytes()
            match damage:
                case "missing":
                    file.unlink()
                case "rows lost":
                    file.write_bytes(b"".join(content.splitlines(keepends=True)[:2]))
                case "a number changed":
                    file.write_bytes(content.replace(b"1", b"2", 1))
                case _:
                    file.write_bytes(b"\xff" * 9)
            self.check(asked, parts, whole)


class TestPackage:
    def test_remains_of_one_are_replaced(self, order: Order, tmp_path: Path) -> None:
        asked = order(**QUICK)
        assert asked.package is not None
        package = Path(asked.package)
        execute(asked, folder=tmp_path / "one")
        (package / "manifest.json").unlink()
        execute(asked, folder=tmp_path / "two")
        load_package(package)

    def test_one_that_does_not_verify_is_no_result(
        self, order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The checkpoint stays, and the next attempt packages again."""
        asked, folder = order(), tmp_path / "run"
        assert asked.package is not None
        package = Path(asked.package)

        def rots(written: Path) -> None:
            file = written / "model.safetensors"
            file.write_bytes(file.read_bytes()[:-1])
            raise OSError("the disk is rotten")

        with monkeypatch.context() as patched:
            patched.setattr("lab.parts.verify", rots)
            with pytest.raises(OSError, match="rotten"):
                execute(asked, folder=folder)
        assert not (folder / "result.json").exists()
        assert list((folder / "checkpoint").glob("*.json"))
        execute(asked, folder=folder)
        load_package(package)
        assert not (folder / "checkpoint").exists()

    def test_another_runs_stays(self, order: Order, tmp_path: Path) -> None:
        first, second = order(**QUICK), order(**QUICK, seed=1)
        assert first.package is not None
        execute(first, folder=tmp_path / "one")
        onto = WorkOrder.parse({**second.dump(), "package": first.package})
        before = bytes_of(Path(first.package))
        with pytest.raises(Exception, match="another one of run"):
            execute(onto, folder=tmp_path / "two")
        assert bytes_of(Path(first.package)) == before


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory"), Killed()])
def test_whatever_ends_a_run_closes_its_trackers(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    asked, told = order(package=False, **QUICK), list[str]()
    monkeypatch.setattr(
        "lab.track.csv.CsvTracker.finish", lambda self, *, status: told.append(status)
    )

    def stop() -> bool:
        raise error

    with pytest.raises(type(error)):
        execute(asked, folder=tmp_path, stop=stop)
    assert told == ["failed"]
    open_files = [file for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
    assert not [file for file in open_files if file.readlink().is_relative_to(tmp_path)]
    assert execute(asked, folder=tmp_path) is not None


def test_a_judgement_that_is_not_finite_is_divergence(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a split that training never reads, at the last step."""
    not_finite = {"test/loss": math.nan, "test/bpb": math.nan}
    monkeypatch.setattr("lab.parts.Parts._judge", lambda *_: not_finite)
    content = execute(order(judge="test"), folder=tmp_path / "run")
    assert content is not None
    assert (content["status"], content["diverged_at"], content["package"]) == ("diverged", 12, None)
    assert content["reason"] == "test/loss is not finite"
    assert not any(name.startswith("test/") for name in content["metrics"])
