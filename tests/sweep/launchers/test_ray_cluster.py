"""What is asked of a Ray cluster, and what is refused before anybody is asked, without Ray."""

import socket
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from lab.config.launcher import Ray
from lab.errors import ConfigError
from lab.sweep.launchers import ray_cluster
from lab.sweep.launchers.ray_cluster import HTTP2, joined, needs, require_room, room


def cluster(*nodes: dict[str, float]) -> Any:
    """Ray, as far as its nodes go; a dead one is there, too."""
    found = [{"Alive": True, "Resources": node} for node in nodes]
    dead = {"Alive": False, "Resources": {"CPU": 1000.0, "GPU": 1000.0}}
    return SimpleNamespace(nodes=lambda: [*found, dead])


def test_a_run_asks_for_a_core_a_thread_of_each_process() -> None:
    assert needs(Ray(), threads=2) == {"CPU": 2}
    assert needs(Ray(processes=2), threads=2) == {"CPU": 4}
    config = Ray(cpus=0.5, gpus=0.25, memory=2, resources={"fast": 1})
    assert needs(config, threads=2) == {"CPU": 0.5, "GPU": 0.25, "memory": 2e9, "fast": 1}


@pytest.mark.parametrize(
    ("need", "jobs"),
    [
        ({"CPU": 1.0}, 12),
        ({"CPU": 0.1}, 120),
        ({"CPU": 3.0}, 3),
        ({"CPU": 1.0, "GPU": 1.0}, 2),
        ({"CPU": 1.0, "GPU": 0.3}, 6),  # three to a GPU, for a share is one of a single GPU
        ({"CPU": 4.0, "GPU": 0.3}, 2),
        ({"CPU": 1.0, "memory": 4e9}, 4),
    ],
)
def test_there_is_room_where_all_of_a_need_is(need: dict[str, float], jobs: int) -> None:
    small, large = {"CPU": 4.0, "memory": 8e9}, {"CPU": 8.0, "GPU": 2.0, "memory": 8e9}
    assert room(cluster(small, large), need) == jobs


@pytest.mark.parametrize(
    ("need", "told"),
    [
        ({"CPU": 5.0}, "asks for CPU=5, and no node of the cluster has more than CPU=4"),
        ({"CPU": 1.0, "memory": 9e9}, "asks for 9 GB of memory, and no node .* than 8 GB"),
        ({"CPU": 4.0, "GPU": 1.0}, "asks for CPU=4, GPU=1, and no node .* has all of it"),
    ],
)
def test_more_than_any_node_has_is_refused(need: dict[str, float], told: str) -> None:
    nodes = cluster({"CPU": 4.0, "memory": 8e9}, {"CPU": 2.0, "GPU": 1.0})
    with pytest.raises(ConfigError, match=told):
        require_room(nodes, need)


def test_a_missing_library_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"not installed here; pip install 'gpt-lab\[ray\]'"):
        joined(Ray())


@pytest.fixture
def somebody() -> Iterator[dict[str, Any]]:
    """A server that answers with `reply`; what it heard is in `heard`."""
    there: dict[str, Any] = {"reply": b""}
    with socket.create_server(("127.0.0.1", 0)) as server:
        there["address"] = f"127.0.0.1:{server.getsockname()[1]}"

        def serve() -> None:
            caller, _ = server.accept()
            with caller:
                there["heard"] = caller.recv(100)
                caller.sendall(there["reply"])

        thread = threading.Thread(target=serve)
        thread.start()
        yield there
        thread.join()


@pytest.mark.parametrize(
    ("reply", "answers"),
    [(bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)), True), (b"HTTP/1.1 400 Bad", False), (b"", False)],
)
def test_who_speaks_another_language_is_no_cluster(
    somebody: dict[str, Any], reply: bytes, answers: bool
) -> None:
    somebody["reply"] = reply
    assert ray_cluster._answers(somebody["address"]) == answers
    assert somebody["heard"] == HTTP2


def test_where_nobody_is_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not ray_cluster._answers(f"127.0.0.1:{port}")


def test_who_says_nothing_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "PATIENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not ray_cluster._answers(f"127.0.0.1:{server.getsockname()[1]}")
