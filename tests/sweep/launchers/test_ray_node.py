"""The actor of a Ray cluster without Ray: what it does at a node, with a child that is none."""

import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.config.order import WorkOrder
from lab.files import read_json
from lab.run_folder import lay_order
from lab.sweep.launchers import ray_node
from lab.sweep.launchers.parcel import Parcel, pack
from lab.sweep.launchers.ray_node import News, Node, code_here
from lab.sweep.launchers.ray_tokens import Tokens, hand_in


class Child:
    """Works until it is told to end; the test writes in its folders."""

    def __init__(self, folders: Sequence[Path], *, environment: dict[str, str]) -> None:
        self.folders, self.environment = folders, environment
        self.ended, self.code, self.asked = threading.Event(), 0, False
        born.append(self)

    def wait(self) -> int:
        self.ended.wait(20)
        return self.code

    def stop(self) -> None:
        self.asked = True

    def kill(self) -> None:
        self.end(-9)

    def end(self, code: int = 0) -> None:
        self.code = code
        self.ended.set()


born: list[Child] = []


@pytest.fixture(autouse=True)
def _doubles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(ray_node, "Child", Child)
    monkeypatch.setattr(ray_node, "BEAT", 0.01)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    born.clear()
    yield
    for child in born:
        child.end()


@pytest.fixture
def ordered(order: Callable[..., WorkOrder]) -> WorkOrder:
    found = order()
    return WorkOrder.parse(found.dump() | {"provenance": found.provenance | {"device": "cpu"}})


@pytest.fixture
def parcel(ordered: WorkOrder, tmp_path: Path) -> Parcel:
    lay_order(tmp_path / "run", ordered)
    return pack(tmp_path / "run")


@pytest.fixture
def tokens(ordered: WorkOrder) -> Tokens:
    return hand_in(Path(str(ordered.data)), lambda piece: piece)


def begun(parcel: Parcel, tokens: Tokens, **more: Any) -> tuple[Node, Child]:
    node = Node(get=lambda piece: piece)
    told = {"code": code_here(), "gpus": False} | more
    assert node.begin({"a-run": parcel}, [tokens], **told).fault is None
    while not born:
        pass
    return node, born[-1]


def told_until(node: Node, path: str) -> News:
    """The news that speak of a file."""
    while path not in (news := node.news()).runs[0].written:
        assert news.code is None
    return news


def test_the_order_is_in_the_words_of_the_node(
    parcel: Parcel, tokens: Tokens, ordered: WorkOrder, tmp_path: Path
) -> None:
    _, child = begun(parcel, tokens)
    (folder,) = child.folders
    assert folder.name == "a-run"
    here = WorkOrder.parse(read_json(folder / "order.json"))
    assert Path(str(here.package)).is_relative_to(tmp_path)
    assert here.package != ordered.package
    assert here.dump() | {"package": ordered.package, "data": ordered.data} == ordered.dump()


@pytest.mark.parametrize("gpus", [False, True])
def test_gpus_are_seen_by_who_asked_for_them(parcel: Parcel, tokens: Tokens, gpus: bool) -> None:
    _, child = begun(parcel, tokens, gpus=gpus)
    assert child.environment == ({} if gpus else {"CUDA_VISIBLE_DEVICES": ""})


def test_signs_of_life_come_at_once_and_the_rest_with_a_checkpoint(
    parcel: Parcel, tokens: Tokens
) -> None:
    node, child = begun(parcel, tokens)
    (folder,) = child.folders
    (folder / "log.txt").write_text("begun\n")
    (folder / "progress.json").write_text("{}")
    assert told_until(node, "progress.json").runs[0].written.keys() == {"progress.json"}
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "000000001.json").write_text("{}")
    assert "log.txt" in told_until(node, "checkpoint/000000001.json").runs[0].written


def test_what_is_of_no_hurry_comes_after_a_while(
    parcel: Parcel, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, child = begun(parcel, tokens)
    (child.folders[0] / "log.txt").write_text("begun\n")
    assert node.news().runs[0].written == {}
    monkeypatch.setattr(ray_node, "SLOW", 0.0)
    assert node.news().runs[0].written == {"log.txt": b"begun\n"}


def test_a_package_comes_with_the_answer_and_nothing_stays(
    parcel: Parcel, tokens: Tokens, tmp_path: Path
) -> None:
    node, child = begun(parcel, tokens)
    (folder,) = child.folders
    package = Path(read_json(folder / "order.json")["package"])
    package.mkdir(parents=True)
    (package / "manifest.json").write_text("{}")
    (folder / "result.json").write_text("{}")
    child.end(3)
    while (news := node.news()).code is None:
        assert news.runs[0].package is None or "result.json" in news.runs[0].written
    assert news.code == 3
    assert not [*tmp_path.glob("lab-ray-*")]


def test_it_can_be_asked_to_end_and_be_ended(parcel: Parcel, tokens: Tokens) -> None:
    node, child = begun(parcel, tokens)
    node.stop()
    assert child.asked
    node.kill()
    while (news := node.news()).code is None:
        pass
    assert news.code == -9


def test_what_was_stopped_before_it_began_does_not_begin(parcel: Parcel, tokens: Tokens) -> None:
    node = Node(get=lambda piece: piece)
    node.stop()
    node.begin({"a-run": parcel}, [tokens], code=code_here(), gpus=False)
    assert node.news().code == 0
    assert not born


def test_another_lab_is_refused_in_a_sentence(parcel: Parcel, tokens: Tokens) -> None:
    node = Node(get=lambda piece: piece)
    found = node.begin({"a-run": parcel}, [tokens], code=code_here() | {"torch": "1.0"}, gpus=False)
    assert found.fault is not None
    assert "and the supervisor has 1.0; install the same lab" in found.fault
    assert not born


def test_what_a_killed_actor_left_is_cleared_and_nobody_elses(
    parcel: Parcel, tokens: Tokens, tmp_path: Path
) -> None:
    left = tmp_path / "lab-ray-left"
    left.mkdir()
    (left / ".lock").touch()
    begun(parcel, tokens)
    assert not left.exists()
    begun(parcel, tokens)
    assert len([*tmp_path.glob("lab-ray-*")]) == 2
