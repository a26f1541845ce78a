"""A run to track, a wandb that knows nobody, and a server of our own."""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.track.base import RunInfo
from lab.track.wandb import WandbTracker
from lab.track.wandb_report import record_report
from tests.track.server import Server

MakeInfo = Callable[..., RunInfo]
LONG = 600.0  # seconds: a busy machine starts wandb when it can, and only what hangs takes so long


@pytest.fixture(autouse=True, scope="package")
def _patience() -> Iterator[None]:
    """Nothing that is to succeed is given up because others use the machine."""
    with pytest.MonkeyPatch.context() as patch:
        for function in (WandbTracker.__init__, record_report):
            patch.setitem(function.__kwdefaults__, "finish_timeout", LONG)
        patch.setenv("WANDB_X_SERVICE_WAIT", str(LONG))
        patch.setenv("WANDB_INIT_TIMEOUT", str(LONG))
        yield


@pytest.fixture(autouse=True)
def _unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Syncing guards against a power cut, which no test can make, and takes most of their time."""
    monkeypatch.setattr("os.fsync", lambda handle: None)


@pytest.fixture(autouse=True)
def _private_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("WANDB_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_X_SERVICE_WAIT", str(LONG))
    monkeypatch.setenv("WANDB_INIT_TIMEOUT", str(LONG))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb-config"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def make_info(tmp_path: Path) -> MakeInfo:
    def make(folder: Path = tmp_path / "runs" / "rope-1-3f2a9c01", seed: int = 1) -> RunInfo:
        return RunInfo(
            name=folder.name,
            folder=folder,
            labels={"sweep": "posenc", "variant": "rope", "phase": "tune", "trial": "0"},
            config={
                "model": {"position": {"kind": "rope"}, "n_layers": 2},
                "seed": seed,
                "tracking": {"wandb": {"mode": "auto"}},
            },
            provenance={"git_commit": "abc", "git_dirty": False},
            data_digest="d" * 64,
        )

    return make


@pytest.fixture
def warnings_of(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the trackers warned of so far."""
    caplog.set_level(logging.WARNING, logger="lab.track")
    return lambda: [r.getMessage() for r in caplog.records if r.name == "lab.track"]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    yield server
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()
