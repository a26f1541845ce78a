"""Offline runs of the real wandb, read back with its own tools and compared with the CSV."""

import csv
import importlib.util
import json
import math
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lab.config.tracking import WandbConfig
from lab.track.base import RunInfo
from lab.track.composite import Composite
from lab.track.csv import CsvTracker
from lab.track.wandb import PRELOAD, WandbTracker, _place
from tests.track.leet import leet, of_kind

OFFLINE = WandbConfig(mode="offline", project="lab-tests")
ROWS: list[dict[str, float]] = [
    {"tokens": 0, "val/loss": 4.5, "val/bpb": 3.0},
    {"tokens": 128, "train/loss": 4.1, "time/step": 0.01},
    {"tokens": 256, "train/loss": 1 / 3, "val/loss": 3.5, "val/bpb": 2.5},
    {"tokens": 384, "train/loss": 1e-7},
    {"tokens": 512, "train/loss": math.inf, "val/loss": 3.75},
    {"tokens": 640, "train/loss": math.nan},
]


@dataclass(frozen=True)
class Recorded:
    info: RunInfo
    package: Path
    records: list[dict[str, Any]]
    summary: dict[str, Any]


def record(folder: Path, *, killed: bool) -> Recorded:
    """A run; one that was killed after its fifth row, and continued from step 20, or one that was
    not."""
    package = folder.parent / "package"
    package.mkdir(parents=True)
    (package / "manifest.json").write_text("{}")
    info = RunInfo(
        folder.name,
        folder,
        {"sweep": "posenc", "variant": "rope", "phase": "tune", "trial": "3"},
        {"model": {"position": {"kind": "rope"}}, "seed": 7, "train": {"lr": 0.003}},
        {"git_commit": "abc", "git_dirty": False},
        "d" * 64,
    )
    for begun in (0, 20) if killed else (0,):
        tracker = Composite(CsvTracker(), observers=[WandbTracker(OFFLINE)])
        tracker.start(replace(info, resumed=begun > 0), step=begun)
        for i, row in enumerate(ROWS):
            if killed and begun == 0 and i == 5:
                tracker.sample("The lost", step=40)
                tracker.finish(status="failed")
                break
            if begun == 0 or 10 * i > begun:
                tracker.log(row, step=10 * i)
            if i == 2 and begun == 0:
                tracker.sample("The cat", step=20)
        else:
            tracker.sample('The "end"\n', step=50)
            tracker.summary({"test/loss": 3.25, "val/loss": 3.75, "model": {"n_params": 12}})
            tracker.artifact(package)
            tracker.finish(status="complete")
    (file,) = folder.glob("wandb/offline-run-*/*.wandb")
    records = [json.loads(line) for line in leet("--json", file).splitlines()]
    found = json.loads(leet("--summary", "--json", file))
    return Recorded(info, package, records, found["summary"])


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """A run that was killed and went on."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("WANDB_")]:
            patch.delenv(name)
        return record(tmp_path_factory.mktemp("a") / "runs" / "rope-1-3f2a9c01", killed=True)


def history(recorded: Recorded) -> list[str]:
    """What stands in each row, times and what wandb adds apart."""
    rows = [
        {k: float(v) for k, v in row["item"].items() if not k.startswith(("_", "time/"))}
        for row in of_kind(recorded.records, "history")
    ]
    return [str(sorted(row.items())) for row in rows]


def test_history_equals_the_csv(recorded: Recorded) -> None:
    with (recorded.info.folder / "metrics.csv").open(newline="") as file:
        rows = [{k: float(v) for k, v in r.items() if v} for r in csv.DictReader(file)]
    assert history(recorded) == [str(sorted(row.items())) for row in rows]
    assert len(rows) == len(ROWS)


def test_a_run_that_was_killed_is_recorded_as_one_that_was_not(
    recorded: Recorded, tmp_path: Path
) -> None:
    whole = record(tmp_path / "runs" / recorded.info.name, killed=False)
    times = ("_runtime", "_timestamp")
    for one in (recorded, whole):
        for values in (*(r["item"] for r in of_kind(one.records, "history")), one.summary):
            for name in times:
                assert values.pop(name) is not None
        one.summary["samples"] = one.summary["samples"]["sha256"]  # the rest says where they lie
    for kind in ("history", "metric", "exit"):
        assert of_kind(recorded.records, kind) == of_kind(whole.records, kind)
    assert recorded.summary == whole.summary
    assert len(of_kind(whole.records, "history")) == len(ROWS)


def test_timing_is_there_too(recorded: Recorded) -> None:
    rows = of_kind(recorded.records, "history")
    assert [r["item"]["time/step"] for r in rows if "time/step" in r["item"]] == [0.01]


def test_the_step_is_wandbs_own(recorded: Recorded) -> None:
    steps = [row["step"]["num"] for row in of_kind(recorded.records, "history")]
    assert steps == [0, 10, 20, 30, 40, 50]


def test_a_record_that_was_broken_off_gives_way(recorded: Recorded) -> None:
    (run,) = of_kind(recorded.records, "run")
    (folder,) = recorded.info.folder.glob("wandb/offline-run-*")
    assert run["run_id"] in folder.name
    assert run["run_id"] == (recorded.info.folder / "wandb" / "id").read_text().strip()
    assert run["run_id"].startswith("posenc-rope-1-3f2a9c01-")
    assert run["display_name"] == "rope-1-3f2a9c01"
    assert run["resume"] is True
    assert run["project"] == "lab-tests"
    links = [path for path in recorded.info.folder.glob("wandb/*") if path.is_symlink()]
    assert links
    assert all(link.exists() for link in links)


def test_place_and_config(recorded: Recorded) -> None:
    (run,) = of_kind(recorded.records, "run")
    assert run["job_type"] == "tune"
    assert run["tags"] == ["posenc", "rope"]
    assert run["run_group"].startswith("posenc-rope-")
    config = run["config"]["update"]
    del config["_wandb"]
    assert config == {
        **recorded.info.config,
        "labels": recorded.info.labels,
        "provenance": recorded.info.provenance,
        "data_digest": recorded.info.data_digest,
    }


def test_metrics_are_drawn_over_tokens(recorded: Recorded) -> None:
    metrics = {m.get("name", m.get("glob_name")): m for m in of_kind(recorded.records, "metric")}
    assert metrics["*"]["step_metric"] == "tokens"
    assert metrics["tokens"]["options"]["hidden"]
    assert metrics["val/loss"]["step_metric"] == "tokens"
    assert metrics["val/loss"]["summary"]["min"]


def test_summary(recorded: Recorded) -> None:
    summary = recorded.summary
    assert summary["status"] == "complete"
    assert summary["test/loss"] == 3.25
    assert summary["model"] == {"n_params": 12}
    assert summary["val/loss"] == {"min": 3.5, "last": 3.75}
    assert of_kind(recorded.records, "exit") == [{"exit_code": 0}]


def test_samples_are_one_whole_table(recorded: Recorded) -> None:
    (file,) = recorded.info.folder.glob("wandb/offline-run-*/files/media/table/*.json")
    assert json.loads(file.read_text()) == {
        "columns": ["step", "text"],
        "data": [[20, "The cat"], [50, 'The "end"\n']],
    }


def test_the_package_is_recorded_where_it_is(recorded: Recorded) -> None:
    (package,) = [a for a in of_kind(recorded.records, "artifact") if a["type"] == "model"]
    (content,) = package["manifest"]["contents"]
    assert content["path"] == "manifest.json"
    assert content["local_path"] == str(recorded.package / "manifest.json")
    assert package["name"] == "posenc-rope-1-3f2a9c01"


def test_everything_lies_under_the_run(recorded: Recorded) -> None:
    """And nothing of wandb's was asked for: no code, no machine, no list of packages."""
    beside = {path.name for path in recorded.info.folder.parent.parent.rglob("*")}
    assert not beside & {"requirements.txt", "wandb-metadata.json", "output.log"}
    assert {path.name for path in recorded.info.folder.iterdir()} == {
        "metrics.csv",
        "timing.csv",
        "samples.csv",
        "wandb",
    }
    assert any(recorded.info.folder.glob("wandb/cache/**/*.log"))
    assert any(recorded.info.folder.glob("wandb/data/**/*"))


def test_no_terminal_is_ever_asked(
    make_info: Callable[..., RunInfo],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    warnings_of: Callable[[], list[str]],
) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

        def fileno(self) -> int:
            return 0

        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"the terminal was asked: {name}")

    monkeypatch.setattr(sys, "stdin", Terminal())
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    info = make_info()
    tracker = WandbTracker(WandbConfig())
    tracker.start(info, step=0)
    tracker.log({"tokens": 1}, step=1)
    tracker.finish(status="complete")
    assert any(info.folder.glob("wandb/offline-run-*/*.wandb"))
    assert warnings_of() == []
    assert capfd.readouterr() == ("", "")


def test_a_dead_helper_process_does_not_stop_the_run(
    make_info: Callable[..., RunInfo], warnings_of: Callable[[], list[str]]
) -> None:
    import wandb

    tracker = WandbTracker(OFFLINE)
    tracker.start(make_info(), step=0)
    pids: list[int] = []
    assert tracker._thread is not None
    tracker._thread.put(
        lambda: pids.append(wandb.sdk.wandb_setup.singleton()._connection._proc._process.pid)
    )
    tracker._thread.put(lambda: os.kill(pids[0], signal.SIGKILL))
    for step in range(200):
        tracker.log({"tokens": step}, step=step)
    tracker.finish(status="complete")
    assert len(warnings_of()) == 1
    assert len(pids) == 1


def test_runs_that_differ_by_seed_share_a_group(make_info: Callable[..., RunInfo]) -> None:
    one, two = make_info(seed=1), make_info(seed=2)
    other = replace(one, config={**one.config, "train": {"lr": 1.0}})
    untracked = replace(one, config={**one.config, "tracking": {"wandb": {"mode": "disabled"}}})
    groups = [_place(info)["run_group"] for info in (one, two, other, untracked)]
    assert groups[0] == groups[1] == groups[3] != groups[2]


def test_one_id_a_run_folder(tmp_path: Path, make_info: Callable[..., RunInfo]) -> None:
    here, there = make_info(), make_info(folder=tmp_path / "elsewhere" / "rope-1-3f2a9c01")
    assert _place(here)["run_id"] == _place(here)["run_id"] != _place(there)["run_id"]


def test_labels_may_be_missing_or_odd(make_info: Callable[..., RunInfo]) -> None:
    bare = _place(replace(make_info(), labels={}))
    assert bare["run_tags"] == ()
    assert bare["run_job_type"] == "run"
    odd = make_info(folder=make_info().folder.with_name("a b:c?" + "x" * 200))
    long = _place(replace(odd, labels={"sweep": "s/" * 70, "variant": "v" * 64}))
    assert len(long["run_group"]) <= 128 >= len(long["run_id"])
    assert all(1 <= len(tag) <= 64 for tag in long["run_tags"])
    assert not set(long["run_id"]) & set(":;,#?/' ")


def test_what_the_fork_server_imports_is_there() -> None:
    assert all(importlib.util.find_spec(name) for name in PRELOAD)


def test_a_paused_run_is_no_crash_and_continues(make_info: Callable[..., RunInfo]) -> None:
    info = make_info()
    for begin, status in ((0, "paused"), (10, "paused"), (20, "complete")):
        tracker = Composite(CsvTracker(), observers=[WandbTracker(OFFLINE)])
        tracker.start(replace(info, resumed=begin > 0), step=begin)
        tracker.log({"tokens": begin + 5, "val/loss": 2.0}, step=begin + 5)
        tracker.sample("The cat", step=begin + 5)
        tracker.log({"tokens": begin + 10, "val/loss": 1.0}, step=begin + 10)
        tracker.finish(status=status)
        (file,) = info.folder.glob("wandb/offline-run-*/*.wandb")
        records = [json.loads(line) for line in leet("--json", file).splitlines()]
        assert of_kind(records, "exit") == [{"exit_code": 0}]
        steps = [row["step"]["num"] for row in of_kind(records, "history")]
        assert steps == list(range(5, begin + 11, 5))
    found = json.loads(leet("--summary", "--json", file))
    assert found["summary"]["status"] == "complete"
