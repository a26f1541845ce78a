"""A worker that is killed leaves no helper of wandb behind, and what was written can be used."""

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
from lab.track.composite import Composite
from lab.track.csv import CsvTracker
from lab.track.wandb import WandbTracker
from tests.track.leet import leet, of_kind, sync
from tests.track.server import Server

OFFLINE = WandbConfig(mode="offline")
PROGRAM = """
import sys, time, wandb
from pathlib import Path
from lab.config.tracking import WandbConfig
from lab.track.base import RunInfo
from lab.track.composite import Composite
from lab.track.csv import CsvTracker
from lab.track.wandb import WandbTracker

folder = Path(sys.argv[1])
observer = WandbTracker(WandbConfig(mode="offline"))
tracker = Composite(CsvTracker(), observers=[observer])
tracker.start(RunInfo(folder.name, folder, {}, {}, {}, ""), step=0)
for step in range(30):
    tracker.log({"tokens": step, "val/loss": 1 / (1 + step)}, step=step)
helper = lambda: wandb.sdk.wandb_setup.singleton()._connection._proc._process.pid
observer._thread.put(lambda: print(helper(), flush=True))
time.sleep(1e6)
"""


def is_alive(pid: int) -> bool:
    try:
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def steps(file: Path) -> list[int]:
    """Of the rows in a file of wandb, which may end anywhere."""
    records = [json.loads(line) for line in leet("--json", file).splitlines()]
    return [row["step"]["num"] for row in of_kind(records, "history")]


@pytest.fixture
def killed(make_info: Callable[..., RunInfo]) -> tuple[RunInfo, int]:
    """A run whose process was killed once all rows were on the disk, and wandb's helper."""
    info = replace(make_info(), labels={}, config={})
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, info.folder],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        helper = int(process.stdout.readline())
        assert is_alive(helper)
        (file,) = info.folder.glob("wandb/offline-run-*/*.wandb")
        while len(steps(file)) < 30:  # the helper writes them down within a second or so
            time.sleep(0.1)
        process.kill()
    return info, helper


def resume(info: RunInfo) -> None:
    tracker = Composite(CsvTracker(), observers=[WandbTracker(OFFLINE)])
    tracker.start(replace(info, resumed=True), step=20)
    for step in range(21, 36):
        tracker.log({"tokens": step, "val/loss": 1 / (1 + step)}, step=step)
    tracker.finish(status="complete")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to look at")
def test_the_helper_ends_and_the_run_goes_on_as_one(
    server: Server, killed: tuple[RunInfo, int]
) -> None:
    info, helper = killed
    while is_alive(helper):
        time.sleep(0.05)
    resume(info)
    (file,) = info.folder.glob("wandb/offline-run-*/*.wandb")
    assert steps(file) == list(range(36))
    sync(file.parent)
    rows = [server.history[line] for line in sorted(server.history)]
    assert [(row["_step"], row["step"], row["tokens"]) for row in rows] == [
        (step, step, step) for step in range(36)
    ]
    known = {body["name"] for name, body in server.asked if name == "UpsertBucket"}
    assert known == {(info.folder / "wandb" / "id").read_text().strip()}
