"""`lab train` in several processes: who leads, who follows, and what they do when one fails."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from torch.distributed import HashStore

from lab import load_package
from lab.commands import together
from lab.commands.together import follow, lead, require_devices, require_shares, stopping
from lab.config.order import WorkOrder
from lab.config.train import TrainConfig
from lab.errors import ConfigError, LabError, NoSpace
from lab.train.distributed.meeting import Meeting
from tests.commands.torchrun import said, start


@pytest.fixture
def two() -> tuple[Meeting, Meeting]:
    store = HashStore()
    return Meeting(store, rank=0, size=2), Meeting(store, rank=1, size=2)


def raising(error: BaseException) -> Callable[[], int]:
    def work() -> int:
        raise error

    return work


def test_two_processes_leave_what_one_leaves(tmp_path: Path, tiny_run: dict[str, Any]) -> None:
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(tiny_run))
    process = start(tmp_path)
    out = said(process)
    assert process.returncode == 0, out
    assert out.count("val/bpb") == out.count("package  ") == 1
    (folder,) = (tmp_path / "experiments" / "train").iterdir()
    assert {file.name for file in folder.iterdir()} == {
        ".lock",
        "config.yaml",
        "curve.png",
        "log.jsonl",
        "log.txt",
        "metrics.csv",
        "order.json",
        "provenance.json",
        "result.json",
        "samples.csv",
        "timing.csv",
    }
    (artifact,) = (tmp_path / "artifacts" / "train").iterdir()
    package = load_package(artifact)
    facts = package.manifest.provenance.model_dump()
    assert (facts["processes"], facts["parallel"]) == (2, "ddp")


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        ({"batch_size": 9}, r"train.batch_size=9 is not a multiple of the 4 .*; try 8 or 12"),
        ({"batch_size": 12, "micro_batch_size": 2}, r"train.micro_batch_size=2 .*; try 4$"),
    ],
)
def test_shares_are_equal(size: dict[str, int], sentence: str) -> None:
    require_shares(TrainConfig.parse({"steps": 1, "batch_size": 8}), 4)
    with pytest.raises(ConfigError, match=sentence):
        require_shares(TrainConfig.parse({"steps": 1, **size}), 4)


def test_everyone_has_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    require_devices("cpu")
    with pytest.raises(ConfigError, match="8 processes on a machine with 4 GPUs"):
        require_devices("cuda")
    with pytest.raises(ConfigError, match="device: mps is for one process"):
        require_devices("mps")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("no"), 2),
        (FileNotFoundError("no"), 2),
        (NoSpace("no"), 130),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError(), 1),
    ],
)
def test_the_others_hear_how_the_first_ends(
    two: tuple[Meeting, Meeting], error: BaseException, code: int
) -> None:
    first, other = two
    with pytest.raises(type(error)):
        lead(first, raising(error))
    assert follow(other) == code


def test_and_that_it_ends_well(two: tuple[Meeting, Meeting]) -> None:
    first, other = two
    assert lead(first, lambda: 130) == 130
    assert follow(other) == 130


class Part:
    """Stands for the training: what goes wrong in it is raised in the midst of all processes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        self.error = error

        class Several:
            def __init__(self, *_: object, **__: object) -> None:
                pass

            def __enter__(self) -> None:
                pass

            def __exit__(self, *_: object) -> None:
                pass

        monkeypatch.setattr("lab.train.distributed.world.Several", Several)
        monkeypatch.setattr("lab.run.execute", self)

    def __call__(self, *_: object, **__: object) -> None:
        raise self.error


def given(first: Meeting, order: WorkOrder) -> None:
    provenance = {**order.provenance, "device": "cpu", "processes": 2, "parallel": "ddp"}
    first.tell("order", {"order": order.dump() | {"provenance": provenance}, "folder": "x"})


def test_who_fails_says_why(
    two: tuple[Meeting, Meeting],
    order: Callable[..., WorkOrder],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, other = two
    given(first, order())
    Part(monkeypatch, MemoryError("no more"))
    assert follow(other) == 2
    assert capsys.readouterr().err.startswith("process 1 of 2: out of memory")
    monkeypatch.setattr(together, "PATIENCE", 0.1)
    with (
        pytest.raises(LabError, match="another process of this run has failed"),
        together._world(first, WorkOrder.parse(first.told("order")[1]["order"])),
    ):
        raise RuntimeError("Connection closed by peer")


def test_who_is_left_alone_says_nothing(
    two: tuple[Meeting, Meeting],
    order: Callable[..., WorkOrder],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, other = two
    given(first, order())
    first.tell("failed", 0)
    first.tell("end", 2)
    Part(monkeypatch, RuntimeError("Connection closed by peer"))
    assert follow(other) == 2
    assert capsys.readouterr() == ("", "")


def test_a_defect_has_its_traceback(
    two: tuple[Meeting, Meeting], order: Callable[..., WorkOrder], monkeypatch: pytest.MonkeyPatch
) -> None:
    given(two[0], order())
    Part(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        follow(two[1])
    assert two[0].told("failed") == ("failed", 1)


def interrupted_twice(meeting: Meeting | None) -> list[int]:
    with stopping(meeting) as seen:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        return seen


def test_together_a_signal_counts_once(two: tuple[Meeting, Meeting]) -> None:
    for meeting in two:
        assert interrupted_twice(meeting)
    with pytest.raises(KeyboardInterrupt):
        interrupted_twice(None)
