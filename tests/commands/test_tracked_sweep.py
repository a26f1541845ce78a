"""Whatever becomes of wandb, a sweep ends well and has every number: as one that it never saw."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lab.log import LINES, read_log
from lab.track.trouble import LOST
from lab.track.wandb import WandbTracker
from lab.track.wandb_report import record_report
from tests.commands.folder import Lab
from tests.commands.here import work_here
from tests.track.fake_wandb import FakeWandb, fail
from tests.track.server import Server

QUESTION: dict[str, Any] = {
    "question": "Which learning rate?",
    "base": {
        "model": {"n_layers": 1, "n_heads": 2, "d_model": 8, "max_seq_len": 16},
        "train": {"steps": 8, "batch_size": 4, "log_every": 2, "eval_every": 4},
        "evaluate": {"tokens": 256},
        "device": "cpu",
        "tracking": {"wandb": {"mode": "auto"}, "samples": {"max_new_tokens": 2}},
    },
    "tune": {"trials": 2, "space": {"train.optimizer.lr": [1e-3, 3e-3]}},
    "packages": "best",
}
KEY = "k" * 40


@dataclass
class World:
    """What a kind of trouble may change before the sweep begins."""

    lab: Lab
    patch: pytest.MonkeyPatch
    runs: list[str]
    servers: list[Server] = field(default_factory=list)
    hanging: threading.Event = field(default_factory=threading.Event)

    def env(self, **values: str) -> None:
        for name, value in values.items():
            self.patch.setenv(f"WANDB_{name}", value)

    def file(self, name: str, content: bytes) -> None:
        path = self.lab.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def fake(self, at: str, then: Callable[[], None] = fail) -> None:
        self.module(FakeWandb(at, then))

    def module(self, module: ModuleType | None) -> None:
        self.patch.setitem(sys.modules, "wandb", module)  # type: ignore[arg-type]

    def server(self) -> Server:
        """One on this machine, the same at every call."""
        if not self.servers:
            server = Server()
            self.servers.append(server)
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
                self.patch.delenv(proxy, raising=False)
        return self.servers[0]

    def end(self) -> None:
        self.hanging.set()
        for server in self.servers:
            server.over.set()
            server.shutdown()
            server.server_close()

    def impatient(self, seconds: float) -> None:
        for function in (WandbTracker.__init__, record_report):
            self.patch.setitem(function.__kwdefaults__, "finish_timeout", seconds)


def online(world: World, url: str) -> None:
    world.env(API_KEY=KEY, BASE_URL=url)
    world.impatient(1.0)


def dead_server(world: World) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        online(world, f"http://127.0.0.1:{closed.getsockname()[1]}")


def lost_server(world: World) -> None:
    """It answers until the run is known there."""
    server = world.server()
    answer = server.answer

    def once(path: str, body: dict[str, Any]) -> dict[str, Any]:
        found = answer(path, body)
        if server.asked[-1][0] == "UpsertBucket":
            server.silent.set()
        return found

    world.patch.setattr(server, "answer", once)
    online(world, server.url)


def killed_helper(world: World) -> None:
    import wandb

    def init(*arguments: Any, **options: Any) -> Any:
        run = real(*arguments, **options)
        os.kill(wandb.sdk.wandb_setup.singleton()._connection._proc._process.pid, signal.SIGKILL)
        return run

    real = wandb.init
    world.patch.setattr(wandb, "init", init)


def never(world: World) -> None:
    world.fake("finish", lambda: world.hanging.wait() and None)
    world.impatient(0.1)


def end_process() -> None:
    raise SystemExit(1)


def file_in_run(world: World) -> None:
    for run in world.runs:
        world.file(f"experiments/tiny/runs/{run}/wandb", b"mine")


KINDS: dict[str, tuple[Callable[[World], None], str | None]] = {
    "a disk that is full": (lambda w: w.fake("log"), "OSError: no space left"),
    "an end of the process": (lambda w: w.fake("init", end_process), "SystemExit: 1"),
    "a call without end": (never, "TimeoutError: not finished in 0.1 s"),
    "not installed": (lambda w: w.module(None), "wandb is not installed; pip install wandb"),
    "a helper that is killed": (killed_helper, ""),
    "a server that is dead": (dead_server, "does not answer: recorded offline, for `wandb sync`"),
    "a server that is lost": (lost_server, "Timeout"),
    "an odd mode": (lambda w: w.env(MODE="garbage"), "Input should be 'online', 'offline'"),
    "odd places": (lambda w: w.env(DIR="/proc/none", DATA_DIR="/proc/none"), "PermissionError"),
    "settings that are torn": (
        lambda w: w.file("wandb/settings", b"\xff[[["),
        "UnicodeDecodeError",
    ),
    "a folder called wandb": (lambda w: w.file("wandb/__init__.txt", b""), None),
    "a file in the run's folder": (file_in_run, "FileExistsError"),
    "a file in the sweep's folder": (lambda w: w.file("experiments/tiny/wandb", b"mine"), None),
}


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("lab.commands.sweep.certify_first", lambda *_, **__: None)  # a second each
        patch.setattr("lab.report.page.figures_of", lambda sweep: {})  # two more
        yield


@pytest.fixture(scope="module")
def untracked(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Lab:
    """The sweep without wandb."""
    lab = Lab(tmp_path_factory.mktemp("untracked"), corpus, QUESTION)
    with pytest.MonkeyPatch.context() as patch:
        work_here(patch)
        done = lab.run("--set", "tracking.wandb.mode=disabled")
    assert done.returncode == 0, done.stderr
    assert len(lab.curves()) == 2
    return lab


@pytest.fixture
def world(
    tmp_path: Path, corpus: Path, untracked: Lab, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    work_here(monkeypatch)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRC", str(tmp_path / "tiny" / "netrc"))
    monkeypatch.setattr("os.fsync", lambda handle: None)  # no power is cut here
    world = World(Lab(tmp_path / "tiny", corpus, QUESTION), monkeypatch, untracked.rows("run"))
    yield world
    world.end()


@pytest.mark.parametrize("kind", KINDS)
def test_a_sweep_ends_well_whatever_becomes_of_wandb(
    kind: str, world: World, untracked: Lab
) -> None:
    trouble, expected = KINDS[kind]
    trouble(world)
    done = world.lab.run()
    assert done.returncode == 0, done.stderr
    assert world.lab.curves() == untracked.curves()
    assert world.lab.rows("status") == ["complete"] * 2
    errors = [
        [r["error"] for r in read_log(folder / LINES) if r.get("event") == LOST]
        for folder in sorted((world.lab.sweep / "runs").iterdir())
    ]
    assert [len(found) for found in errors] == [expected is not None] * 2
    assert all(expected in error for found in errors for error in found)
    assert done.stderr.count("wandb failed in 2 runs") == (expected is not None)
    assert "Traceback" not in done.stderr
