"""A split that two processes share, against the same split read by one."""

from typing import Any

import pytest
import torch

from lab.config.run import RunConfig
from lab.train.by_position import ByPosition, table
from lab.train.distributed.evaluation import _Dealt
from lab.train.distributed.meeting import Meeting
from lab.train.lengths import judge_lengths
from tests.train.distributed.crew import Crew, member_of, world_of

TASK = {"corpus": {"kind": "mqar", "symbols": 8, "pairs": 2, "held_out": 40}}


def judged(
    meeting: Meeting | None, config: RunConfig, parallel: str
) -> tuple[dict[str, float], str, bool]:
    """Metrics, losses by position, and whether the model is fit for training afterwards."""
    with world_of(meeting, parallel) as world:
        member = member_of(world, config)
        model = member.state.model.train()
        places = ByPosition(config.model.max_seq_len)
        batches = member.batches.evaluation("val")
        metrics = world.evaluate(
            model, batches, precision=config.train.precision, by_position=places
        )
        world.update(member, compiled=False).step(1)
        return (
            metrics,
            table([places]),
            model.training and bool(torch.stack(member.state.pending).isfinite().all()),
        )


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
@pytest.mark.parametrize("kind", ["text", "task"])
@pytest.mark.parametrize("tokens", [1000, 33])
def test_two_judge_as_one(
    crew: Crew, tiny_run: dict[str, Any], kind: str, parallel: str, tokens: int
) -> None:
    """Of 33 tokens there is a batch for one of the two only."""
    changes: dict[str, Any] = {"evaluate.tokens": tokens}
    if kind == "task":
        changes = {"data": TASK, "evaluate.tokens": max(tokens, 2 * 16)}
    config = RunConfig.parse(tiny_run).replaced(changes)
    wanted, places, _ = judged(None, config, parallel)
    first, second = crew(judged, config, parallel)
    assert first == second
    assert first[0] == pytest.approx(wanted, rel=1e-9 if parallel == "ddp" else 1e-6)
    assert [row.split(",")[:3] for row in first[1].split()] == [
        row.split(",")[:3] for row in places.split()
    ]
    assert first[2]


def at_lengths(meeting: Meeting | None, config: RunConfig) -> Any:
    with world_of(meeting, "ddp") as world:
        member = member_of(world, config)
        feed = member.batches.feed
        found, places = judge_lengths(
            member.state.model,
            lambda length: feed.evaluation("val", batch_size=4, seq_len=length),
            [8, 16],
            precision="fp32",
            evaluate=world.evaluate,
        )
        return found, table(places)


def test_so_at_other_lengths(crew: Crew, tiny_run: dict[str, Any]) -> None:
    config = RunConfig.parse(tiny_run).replaced({"evaluate.tokens": 1000})
    wanted, _ = at_lengths(None, config)
    for found, _ in crew(at_lengths, config):
        assert found.keys() == wanted.keys() == {"loss@8", "loss@16"}
        assert found == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("count", range(8))
@pytest.mark.parametrize("size", [1, 2, 3])
def test_all_call_the_model_equally_often(count: int, size: int) -> None:
    batches: list[Any] = list(range(count))
    dealt = [_Dealt(batches, rank, size) for rank in range(size)]
    ours = [list(one) for one in dealt]
    assert sorted(batch for own in ours for batch in own) == batches
    calls = {len(own) + (one.company is not None) for own, one in zip(ours, dealt, strict=True)}
    assert len(calls) == 1
