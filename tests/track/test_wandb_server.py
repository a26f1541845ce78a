"""Whether a server is there, whatever it says."""

import json
import socket
from collections.abc import Callable, Iterator

import pytest

from lab.config.tracking import WandbConfig
from lab.track.base import RunInfo
from lab.track.wandb import WandbTracker
from lab.track.wandb_server import answers, reachable
from tests.track.leet import leet, of_kind
from tests.track.server import Server


@pytest.fixture
def mute() -> Iterator[str]:
    """Someone who listens and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def nobody(server: Server, mute: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The server that is configured, with a key, has gone."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setenv("WANDB_BASE_URL", url)
    return url


def test_any_answer_is_one(server: Server) -> None:
    assert answers(server.url)
    assert answers(server.url.replace("http:", "https:"))  # no certificate that Python would take
    assert answers("no address at all")  # which is wandb's to say


def test_silence_is_none(nobody: str, mute: str) -> None:
    assert not answers(nobody)
    assert not answers(mute, patience=0.05)


def test_only_auto_gives_way(nobody: str) -> None:
    assert reachable(WandbConfig()).mode == "offline"
    online = WandbConfig(mode="online")
    assert reachable(online) is online


def test_auto_stays_with_a_server_that_answers(server: Server) -> None:
    auto = WandbConfig()
    assert reachable(auto) is auto


def test_a_run_without_its_server_is_recorded_offline_and_waits_for_nobody(
    nobody: str, make_info: Callable[..., RunInfo], warnings_of: Callable[[], list[str]]
) -> None:
    info = make_info()
    tracker = WandbTracker(WandbConfig())
    tracker.start(info, step=0)
    tracker.log({"tokens": 1}, step=1)
    tracker.finish(status="complete")
    (file,) = info.folder.glob("wandb/offline-run-*/*.wandb")
    records = [json.loads(line) for line in leet("--json", file).splitlines()]
    assert [row["item"]["tokens"] for row in of_kind(records, "history")] == [1]
    said = f"{nobody} does not answer: recorded offline, for `wandb sync` to send"
    assert warnings_of() == [said]
