"""What several processes agree on."""

import math
from typing import Any

import pytest
import torch

from lab.config.run import RunConfig
from lab.train.distributed.layout import here
from lab.train.distributed.meeting import Meeting
from lab.train.world import ALONE
from tests.train.distributed.crew import Crew, member_of, trained, world_of


def asked(meeting: Meeting) -> list[bool]:
    with world_of(meeting, "ddp") as world:
        return [world.any(False), world.any(meeting.is_first), world.any(not meeting.is_first)]


def test_one_yes_is_enough(crew: Crew) -> None:
    assert crew(asked) == [[False, True, True]] * 2
    assert [ALONE.any(False), ALONE.any(True)] == [False, True]


def spoilt(meeting: Meeting | None, config: RunConfig, parallel: str, rank: int) -> Any:
    """A run of which one process spoils a number of its own before the sixth step."""
    with world_of(meeting, parallel) as world:
        member = member_of(world, config)
        batch = member.batches.batch

        def poisoned(step: int, *, part: slice | None = None) -> Any:
            if step == 6 and (meeting is None or meeting.rank == rank):
                with torch.no_grad():
                    table = dict(member.state.model.named_parameters())["position.table.weight"]
                    here(table)[-1] = math.nan
            return batch(step, part=part)

        member.batches.batch = poisoned
        outcome = trained(world, member)
        return outcome.status, outcome.step, outcome.diverged_at, outcome.reason


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_a_run_diverges_for_all(
    crew: Crew, tiny_run: dict[str, Any], parallel: str, rank: int
) -> None:
    config = RunConfig.parse(tiny_run)
    wanted = spoilt(None, config, parallel, 0)
    assert wanted == ("diverged", 6, 6, "the training loss is not finite")
    assert crew(spoilt, config, parallel, rank) == [wanted] * 2


def seen(meeting: Meeting | None, config: RunConfig, parallel: str) -> Any:
    """What a hook is called with, and whether it has the weights of then."""
    with world_of(meeting, parallel) as world:
        calls = []

        class Hook:
            def on_eval(self, model: Any, *, step: int) -> None:
                with torch.no_grad():
                    said = model(torch.zeros(1, 4, dtype=torch.int64))
                calls.append((step, said.sum().item(), model.training))

        member = member_of(world, config, hooks=world.hooks([Hook()]))
        trained(world, member)
        return calls


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_the_first_shows_its_hooks_a_whole_model(
    crew: Crew, tiny_run: dict[str, Any], parallel: str
) -> None:
    config = RunConfig.parse(tiny_run)
    calls, none = crew(seen, config, parallel)
    assert [step for step, _, _ in calls] == [0, 4, 8, 12]
    assert len({said for _, said, _ in calls}) == 4  # it has learnt meanwhile
    wanted = seen(None, config, parallel)
    assert [said for _, said, _ in calls] == pytest.approx(
        [said for _, said, _ in wanted], rel=1e-4
    )
    assert none == []
