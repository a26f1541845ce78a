"""Two processes together against one alone: the same losses and the same parameters."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from lab.config.run import RunConfig
from lab.train.distributed.meeting import Meeting
from lab.train.distributed.update import parts
from tests.train.distributed.crew import (
    Crew,
    furthest,
    member_of,
    rows_apart,
    trained,
    weights,
    world_of,
)

CLOSE = 1e-5  # relative
SUMMED = "gloo:all_reduce"  # as which gloo also scatters sums
MICRO = {"train.micro_batch_size": 4}
TASK = {
    "data": {"corpus": {"kind": "mqar", "symbols": 8, "pairs": 2, "held_out": 8}},
    "train.batch_size": 4,
    "train.micro_batch_size": 2,
}
CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "micro-batches, recomputed": MICRO | {"train.activation_checkpointing": True},
    "llama, z-loss, unclipped": {
        "model.position": {"kind": "rope"},
        "model.norm": {"kind": "rmsnorm"},
        "model.mlp": {"kind": "swiglu"},
        "model.tie_embeddings": False,
        "train.z_loss": 1e-3,
        "train.clip_norm": None,
    },
    "a task": TASK,
}


@pytest.fixture
def config(tiny_run: dict[str, Any]) -> Callable[..., RunConfig]:
    def build(**changes: Any) -> RunConfig:
        usual = {"train.batch_size": 8, "train.optimizer.lr": 1e-3, "model.n_layers": 2}
        return RunConfig.parse(tiny_run).replaced(usual | changes)

    return build


def both(meeting: Meeting | None, config: RunConfig, parallel: str) -> Any:
    with world_of(meeting, parallel) as world:
        member = member_of(world, config)
        outcome = trained(world, member)
        return outcome.status, member.tracker, weights(world, member)


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
@pytest.mark.parametrize("case", CASES)
def test_two_are_one(crew: Crew, config, case: str, parallel: str) -> None:
    asked = config(**CASES[case])
    _, rows, wanted = both(None, asked, parallel)
    (status, first, found), (_, second, none) = crew(both, asked, parallel)
    assert status == "complete"
    assert first.rows == second.rows  # each decides by the same numbers
    assert rows_apart(first, rows) < CLOSE
    assert furthest(found, wanted) < CLOSE
    assert none == {}


def unscored(meeting: Meeting | None, config: RunConfig, parallel: str) -> Any:
    """Only the first of the eight rows of a batch has anything to score."""
    with world_of(meeting, parallel) as world:
        member = member_of(world, config)
        batch = member.batches.batch

        def mostly_ignored(step: int, *, part: slice | None = None) -> Any:
            found = batch(step)
            found.targets[1:] = -100
            part = part or slice(None)
            return type(found)(found.inputs[part], found.targets[part])

        member.batches.batch = mostly_ignored
        trained(world, member)
        return member.tracker, weights(world, member)


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_a_process_may_have_nothing_to_score(crew: Crew, config, parallel: str) -> None:
    asked = config(**MICRO)
    rows, wanted = unscored(None, asked, parallel)
    (first, found), _ = crew(unscored, asked, parallel)
    assert rows_apart(first, rows) < CLOSE
    assert furthest(found, wanted) < CLOSE


def travelled(meeting: Meeting, config: RunConfig, parallel: str) -> tuple[int, int]:
    """How many numbers were summed over the processes in the passes of a step, and how many
    parameters there are.
    """
    with world_of(meeting, parallel) as world:
        member = member_of(world, config)
        update = world.update(member, compiled=False)
        update.step(1)  # after which buckets are as they stay
        with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as seen:
            update.step(2)
        sizes = [event.input_shapes[0] for event in seen.events() if event.name == SUMMED]
        vitals = len(member.state.pending[0])
        gradients = sum(size[0] for size in sizes if size and size[0] > vitals)
        return gradients, sum(p.numel() for p in member.state.model.parameters())


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_gradients_travel_once_a_step(crew: Crew, config, parallel: str) -> None:
    asked = config(**{"train.micro_batch_size": 2})
    assert asked.train.micro_batches == 4
    for gradients, parameters in crew(travelled, asked, parallel):
        assert gradients == parameters


def drawn(meeting: Meeting, config: RunConfig) -> float:
    """The training loss of the first step on equal rows: only dropout can tell them apart."""
    with world_of(meeting, "ddp") as world:
        member = member_of(world, config)
        batch = member.batches.batch
        member.batches.batch = lambda step, part=None: batch(step, part=slice(0, 1))
        update = world.update(member, compiled=False)
        loss = update._gradient(1)
        return float(loss)


def test_each_draws_its_own_dropout(crew: Crew, config) -> None:
    one, other = crew(drawn, config(**{"model.dropout": 0.5}))
    assert one != other
    one, other = crew(drawn, config())
    assert one == other


def vitals(
    meeting: Meeting, config: RunConfig, parallel: str, compiled: bool
) -> tuple[bool, list[float]]:
    """Whether graphs were captured, and the vitals of three steps."""
    from torch._dynamo.utils import counters  # a second, which most processes can do without

    counters.clear()
    with world_of(meeting, parallel) as world, pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
        member = member_of(world, config)
        update = world.update(member, compiled=compiled)
        for number in (1, 2, 3):
            update.step(number)
        return counters["frames"]["ok"] > 0, torch.stack(member.state.pending).flatten().tolist()


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_it_may_be_compiled(crew: Crew, config, parallel: str) -> None:
    asked = config(**MICRO | {"train.activation_checkpointing": True})
    (_, plain), _ = crew(vitals, asked, parallel, False)
    for captured, found in crew(vitals, asked, parallel, True):
        assert captured
        assert found == pytest.approx(plain, rel=CLOSE)


def test_every_row_is_taken_once(config) -> None:
    train = config(**{"train.batch_size": 12, "train.micro_batch_size": 6}).train
    rows = list(range(12))
    shares = [parts(train, rank=rank, size=3) for rank in range(3)]
    assert [rows[part] for part in shares[1]] == [[2, 3], [8, 9]]
    assert sorted(row for share in shares for part in share for row in rows[part]) == rows
