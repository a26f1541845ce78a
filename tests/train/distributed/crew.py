"""Two processes that train together on one machine, over gloo."""

import multiprocessing
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from lab.config.run import RunConfig
from lab.data.feed import build_feed
from lab.data.prepare import prepare
from lab.model.gpt import build_model
from lab.train.clock import Clock
from lab.train.distributed.meeting import Meeting
from lab.train.distributed.world import Several
from lab.train.loop import train_many
from lab.train.member import Member, Outcome
from lab.train.world import ALONE, World
from tests.train.loops import Rows, Source

SIZE = 2
PATIENCE = 180.0  # seconds
Found = TypeVar("Found")


class Crew:
    """Processes that are kept for several tests; new ones after a failure."""

    def __init__(self) -> None:
        self._ends: list[tuple[BaseProcess, Connection]] = []

    def __call__(self, work: Callable[..., Found], *given: Any) -> list[Found]:
        """What `work(meeting, *given)` returns in each process."""
        place = Path(mkdtemp()) / "meeting"
        self._ends = self._ends or [_begun(rank) for rank in range(SIZE)]
        for _, end in self._ends:
            end.send((place, work, given))
        found = []
        for _, end in self._ends:
            if not end.poll(PATIENCE):
                self.close()
                raise TimeoutError("a process has not answered")
            found.append(end.recv())
        if failures := [one for one in found if isinstance(one, _Failure)]:
            self.close()
            raise AssertionError("\n".join(one.told for one in failures))
        return found

    def close(self) -> None:
        for process, end in self._ends:
            process.kill()
            process.join()
            end.close()
        self._ends = []


@dataclass
class _Failure:
    told: str


def _begun(rank: int) -> tuple[BaseProcess, Connection]:
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(rank, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def _serve(rank: int, end: Connection) -> None:
    torch.set_num_threads(1)
    while True:
        try:
            place, work, given = end.recv()
        except EOFError:
            return
        meeting = Meeting(dist.FileStore(str(place), SIZE), rank=rank, size=SIZE)
        try:
            found = work(meeting, *given)
        except Exception:
            found = _Failure(traceback.format_exc())
        end.send(found)


@contextmanager
def world_of(meeting: Meeting | None, parallel: str) -> Iterator[World]:
    """That of a process in a meeting, or of one alone."""
    if meeting is None:
        yield ALONE
        return
    with Several(meeting, parallel=parallel, device=torch.device("cpu")) as world:
        yield world


def member_of(world: World, config: RunConfig, **options: Any) -> Member:
    """The run of a config, ready to be trained in a world."""
    data = prepare(config.data)
    feed = build_feed(
        data, config.data, seq_len=config.model.max_seq_len, batch_size=config.train.batch_size,
        seed=config.seed, limit=config.evaluate.tokens,
    )  # fmt: skip
    model = build_model(config.model, data.tokenizer.vocab_size, seed=config.seed)
    model.recomputes = config.train.activation_checkpointing
    state = world.state(model, config.train, device=torch.device("cpu"))
    return Member(
        state, Source(feed), config.train, config.seed, config.tokens_per_step, Rows(), Clock(),
        evaluate=world.evaluate, **options,
    )  # fmt: skip


def trained(world: World, member: Member, *, stop: Callable[[], bool] = lambda: False) -> Outcome:
    update = world.update(member, compiled=False)
    return train_many([member], update, stop=lambda: world.any(stop()))[0]


def weights(world: World, member: Member) -> dict[str, Tensor]:
    """All of them in the first process, none in the other."""
    whole = world.whole(member.state.model)
    if whole is None:
        return {}
    return {name: value.detach().clone() for name, value in whole.named_parameters()}


def furthest(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> float:
    """The length of a parameter's difference as a share of its own; the largest of all."""
    assert found.keys() == wanted.keys()
    return max(float((found[name] - value).norm() / value.norm()) for name, value in wanted.items())


def rows_apart(found: Rows, wanted: Rows) -> float:
    """The largest relative difference of a metric; they must be of the same steps and names."""
    pairs = [
        (found.rows[step][name], value)
        for step, row in wanted.rows.items()
        for name, value in row.items()
    ]
    assert {s: set(r) for s, r in found.rows.items()} == {s: set(r) for s, r in wanted.rows.items()}
    return max(abs(a - b) / max(abs(b), 1e-12) for a, b in pairs)
