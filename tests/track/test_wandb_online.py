"""The online path, against a server on this machine that plays as much of wandb as a run needs."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lab.config.tracking import WandbConfig
from lab.track.base import RunInfo
from lab.track.wandb import WandbTracker
from tests.track.server import Server


def test_a_run_arrives_at_the_server(
    server: Server,
    tmp_path: Path,
    make_info: Callable[..., RunInfo],
    warnings_of: Callable[[], list[str]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "manifest.json").write_text("{}")
    info = make_info()
    tracker = WandbTracker(WandbConfig(entity="me"))
    tracker.start(info, step=0)
    for step in (0, 10, 20):
        tracker.log({"tokens": 100 * step, "val/loss": 4 - step / 10}, step=step)
    tracker.sample("The end", step=20)
    tracker.artifact(tmp_path / "package")
    tracker.finish(status="complete")
    assert warnings_of() == []
    assert capfd.readouterr() == ("", "")
    asked = dict(reversed(server.asked))  # the first of each
    run = asked["UpsertBucket"]
    assert (run["groupName"][:12], run["jobType"]) == ("posenc-rope-", "tune")
    assert (run["displayName"], run["tags"]) == (info.name, ["posenc", "rope"])
    config = {k: v["value"] for k, v in json.loads(run["config"]).items()}
    assert (config["seed"], config["provenance"]) == (1, info.provenance)
    streamed = [body for name, body in server.asked if name.endswith("/file_stream")]
    lines = [
        json.loads(line)
        for body in streamed
        for line in body.get("files", {}).get("wandb-history.jsonl", {}).get("content", [])
    ]
    assert [{k: v for k, v in line.items() if k[0] != "_"} for line in lines] == [
        {"step": step, "tokens": 100 * step, "val/loss": 4 - step / 10} for step in (0, 10, 20)
    ]
    assert streamed[-1]["complete"] is True
    assert streamed[-1]["exitcode"] == 0
    kinds = [
        body["input"]["artifactTypeName"] for name, body in server.asked if name == "CreateArtifact"
    ]
    assert sorted(kinds) == ["model", "run_table"]
    assert not (tmp_path / "netrc").exists()  # the key was used, not stored


def test_a_run_that_goes_on_appends_to_what_the_server_has(
    server: Server, make_info: Callable[..., RunInfo], warnings_of: Callable[[], list[str]]
) -> None:
    """Steps that are done again are not sent again: it was killed at 30 and goes on from 20."""
    info = make_info()
    for begun, steps in ((0, range(30)), (20, range(21, 40))):
        tracker = WandbTracker(WandbConfig(entity="me"))
        tracker.start(replace(info, resumed=begun > 0), step=begun)
        for step in steps:
            tracker.log({"tokens": 100 * step}, step=step)
        tracker.finish(status="failed" if begun == 0 else "complete")
    assert warnings_of() == []
    rows = [server.history[line] for line in sorted(server.history)]
    assert [(row["_step"], row["step"], row["tokens"]) for row in rows] == [
        (step, step, 100 * step) for step in range(40)
    ]
    known = {body["name"] for name, body in server.asked if name == "UpsertBucket"}
    assert known == {(info.folder / "wandb" / "id").read_text().strip()}


def test_an_offline_run_asks_no_server(
    server: Server, make_info: Callable[..., RunInfo], warnings_of: Callable[[], list[str]]
) -> None:
    tracker = WandbTracker(WandbConfig(mode="offline"))
    tracker.start(make_info(), step=0)
    tracker.log({"tokens": 1}, step=1)
    tracker.finish(status="complete")
    assert server.asked == []
    assert warnings_of() == []


def test_a_silent_server_holds_up_no_process(server: Server, tmp_path: Path) -> None:
    """Python waits at exit for wandb's helper process, unless the tracker has let go of it.

    It does so where that process has not ended when the tracker is finished with.
    """
    server.silent.set()
    program = (
        "import subprocess, time, wandb\n"
        "from pathlib import Path\n"
        "from lab.config.tracking import WandbConfig\n"
        "from lab.track.base import RunInfo\n"
        "from lab.track.wandb import WandbTracker\n"
        "helpers = []\n"
        "class Popen(subprocess.Popen):\n"
        "    def __init__(self, *arguments, **options):\n"
        "        super().__init__(*arguments, **options)\n"
        "        if 'wandb-core' in str(self.args):\n"
        "            helpers.append(self)\n"
        "subprocess.Popen = Popen\n"
        "tracker = WandbTracker(WandbConfig(mode='online'), finish_timeout=1)\n"
        "tracker.start(RunInfo('a-1', Path('a-1'), {}, {}, {}, ''), step=0)\n"
        "while not helpers or not wandb.sdk.wandb_setup.singleton()._connection:\n"
        "    time.sleep(0.01)\n"
        "tracker.finish(status='complete')\n"
        "print(*(helper.wait(timeout=60) for helper in helpers))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "-9\n"), done.stderr
    assert done.stderr.count("\n") == 1
    assert "TimeoutError: not finished in 1 s" in done.stderr


def test_a_server_that_falls_silent_is_left_behind(
    server: Server, make_info: Callable[..., RunInfo], warnings_of: Callable[[], list[str]]
) -> None:
    tracker = WandbTracker(WandbConfig(mode="online"), finish_timeout=0.5)
    tracker.start(make_info(), step=0)
    while not any(name == "UpsertBucket" for name, _ in server.asked):
        time.sleep(0.01)
    server.silent.set()
    tracker.log({"tokens": 1}, step=1)
    tracker.finish(status="complete")
    assert server.silent.is_set()
    assert len(warnings_of()) == 1
