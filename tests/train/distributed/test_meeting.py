"""What processes say to each other, in two threads that share a store."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from torch.distributed import HashStore

from lab.train.distributed.meeting import Meeting, is_silent, meet

STARTED = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}


@pytest.fixture
def two() -> tuple[Meeting, Meeting]:
    store = HashStore()
    return Meeting(store, rank=0, size=2), Meeting(store, rank=1, size=2)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as found:
        yield found


def test_a_word_is_there_once_it_is_told(two: tuple[Meeting, Meeting]) -> None:
    first, other = two
    assert other.told("order", "end") is None
    assert other.wait("end", patience=0.1) is None
    first.tell("end", 2)
    assert other.told("order", "end") == ("end", 2)
    first.tell("order", {"run": "a", "steps": [1, 2.5]})
    assert other.wait("order", "end") == ("order", {"run": "a", "steps": [1, 2.5]})


def test_one_waits_for_the_other(two: tuple[Meeting, Meeting], pool: ThreadPoolExecutor) -> None:
    first, other = two
    heard = pool.submit(other.wait, "order")
    assert not heard.done()
    first.tell("order", "x")
    assert heard.result(timeout=10) == ("order", "x")


def test_what_the_first_says_all_have(
    two: tuple[Meeting, Meeting], pool: ThreadPoolExecutor
) -> None:
    first, other = two
    heard = pool.submit(lambda: [other.say("not this"), other.say(None)])
    assert [first.say([1]), first.say(None)] == [[1], None]
    assert heard.result(timeout=10) == [[1], None]


def test_who_works_alone_meets_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    assert meet() is None
    assert not is_silent()
    for name, value in (STARTED | {"WORLD_SIZE": "1", "RANK": "0"}).items():
        monkeypatch.setenv(name, value)
    assert meet() is None
    assert not is_silent()


@pytest.mark.parametrize(("rank", "silent"), [("0", False), ("1", True)])
def test_one_of_several_speaks(monkeypatch: pytest.MonkeyPatch, rank: str, silent: bool) -> None:
    for name, value in (STARTED | {"RANK": rank}).items():
        monkeypatch.setenv(name, value)
    assert is_silent() == silent
    monkeypatch.delenv("MASTER_ADDR")
    assert not is_silent()
