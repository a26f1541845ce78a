"""Tokens that come to a node in pieces, without Ray."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.config.order import WorkOrder
from lab.data.store import open_prepared
from lab.errors import DataError
from lab.files import read_json
from lab.sweep.launchers import ray_tokens
from lab.sweep.launchers.ray_tokens import Tokens, at_hand, hand_in


class Store:
    """An object store: `put` gives a number, `get` counts."""

    def __init__(self) -> None:
        self.pieces: list[Any] = []
        self.fetched: list[int] = []

    def put(self, piece: Any) -> int:
        self.pieces.append(piece)
        return len(self.pieces) - 1

    def get(self, number: int) -> Any:
        time.sleep(0.01)
        self.fetched.append(number)
        return self.pieces[number]


@pytest.fixture
def source(order: Callable[..., WorkOrder]) -> Path:
    return Path(str(order().data))


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def tokens(source: Path, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Tokens:
    """Handed in by a supervisor whose cache is not this node's."""
    monkeypatch.setattr(ray_tokens, "PIECE", 1000)
    found = hand_in(source, store.put)
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "of the node"))
    return found


def test_they_arrive_as_they_were_in_pieces(tokens: Tokens, source: Path, store: Store) -> None:
    here, brought = at_hand(tokens, store.get)
    assert brought
    assert here != source
    assert {file.name: file.read_bytes() for file in here.iterdir()} == {
        file.name: file.read_bytes() for file in source.iterdir()
    }
    assert len(store.pieces) > len([*source.iterdir()])


def test_two_runs_of_a_node_have_them_brought_once(tokens: Tokens, store: Store) -> None:
    found: list[tuple[Path, bool]] = []
    runs = [
        threading.Thread(target=lambda: found.append(at_hand(tokens, store.get))) for _ in range(2)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert sorted(brought for _, brought in found) == [False, True]
    assert sorted(store.fetched) == [*range(len(store.pieces))]
    assert len({here for here, _ in found}) == 1


def test_what_is_damaged_is_brought_again(tokens: Tokens, store: Store) -> None:
    here, _ = at_hand(tokens, store.get)
    (here / "train.bin").write_bytes(b"")
    assert at_hand(tokens, store.get) == (here, True)
    open_prepared(here)


def test_the_same_ids_of_another_text_lie_beside(tokens: Tokens, store: Store) -> None:
    other = Tokens(tokens.name, "another", tokens.files)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray_tokens, "_seal", lambda folder: None)
        here, _ = at_hand(tokens, store.get)
        beside, _ = at_hand(other, store.get)
    assert here != beside
    assert read_json(here / "meta.json") == read_json(beside / "meta.json")


def test_what_arrives_damaged_is_not_believed(tokens: Tokens, store: Store) -> None:
    store.pieces.reverse()
    with pytest.raises(DataError, match="damaged"):
        at_hand(tokens, store.get)
