"""What is saved together goes on together, or alone, and the other way round."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from lab.config.run import RunConfig
from lab.train.distributed.meeting import Meeting
from tests.train.distributed.crew import (
    SIZE,
    Crew,
    furthest,
    member_of,
    rows_apart,
    trained,
    weights,
    world_of,
)
from tests.train.loops import Rows

CLOSE = 1e-5


@pytest.fixture
def config(tiny_run: dict[str, Any]) -> RunConfig:
    changes = {"train.optimizer.lr": 1e-3, "train.checkpoint_every": 3, "train.log_every": 4}
    return RunConfig.parse(tiny_run).replaced(changes)


def part(
    meeting: Meeting | None, config: RunConfig, parallel: str, folder: Path, stop_at: int | None
) -> Any:
    """Go on with the run in a folder until it ends, or, of two, the second is asked to stop."""
    with world_of(meeting, parallel) as world:
        checkpoints = world.checkpoints(folder, run="a" * 64, witness=lambda step: "")
        member = member_of(world, config, checkpoints=checkpoints)
        resumed = checkpoints.restore(member.state)
        asked = meeting is None or not meeting.is_first
        outcome = trained(world, member, stop=lambda: asked and member.state.step == stop_at)
        return resumed, outcome.status, outcome.step, member.tracker, weights(world, member)


def unbroken(config: RunConfig, tmp_path: Path) -> Any:
    return part(None, config, "ddp", tmp_path / "unbroken", None)[3:]


@pytest.mark.parametrize(
    ("before", "after"),
    [("fsdp", "alone"), ("alone", "ddp"), ("ddp", "fsdp")],
)
def test_it_goes_on_whoever_trains_it(
    crew: Crew, config: RunConfig, tmp_path: Path, before: str, after: str
) -> None:
    """Stopped at a step between two rows, whose losses the checkpoint has, too."""

    def train(way: str, stop_at: int | None) -> Any:
        if way == "alone":
            return part(None, config, "ddp", tmp_path / "c", stop_at)
        found = crew(part, config, way, tmp_path / "c", stop_at)
        assert found[0][:3] == found[1][:3]
        return found[0]

    resumed, status, step, rows, _ = train(before, 7)
    assert (resumed, status, step) == (False, "interrupted", 7)
    resumed, status, step, more, found = train(after, None)
    assert (resumed, status, step) == (True, "complete", 12)
    told = Rows()
    told.rows = rows.rows | more.rows
    wanted_rows, wanted = unbroken(config, tmp_path)
    assert rows_apart(told, wanted_rows) < CLOSE
    assert furthest(found, wanted) < CLOSE


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_going_on_leaves_no_trace(
    crew: Crew, config: RunConfig, tmp_path: Path, parallel: str
) -> None:
    """Bit for bit, as the same processes do the same."""
    _, _, _, rows, wanted = crew(part, config, parallel, tmp_path / "a", None)[0]
    crew(part, config, parallel, tmp_path / "b", 7)
    _, _, _, more, found = crew(part, config, parallel, tmp_path / "b", None)[0]
    assert {step: row for step, row in rows.rows.items() if step > 7} == more.rows
    assert all(torch.equal(found[name], value) for name, value in wanted.items())


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_the_file_is_that_of_one_process(
    crew: Crew, config: RunConfig, tmp_path: Path, parallel: str
) -> None:
    part(None, config, "ddp", tmp_path / "alone", 7)
    crew(part, config, parallel, tmp_path / "together", 7)
    names = {file.name for file in (tmp_path / "alone").iterdir()}
    assert {file.name for file in (tmp_path / "together").iterdir()} == names
    wanted = load_file(tmp_path / "alone" / "000000007.safetensors")
    found = load_file(tmp_path / "together" / "000000007.safetensors")
    assert found.keys() == wanted.keys()
    assert all(found[n].shape == wanted[n].shape for n in wanted)
    assert furthest(found, wanted) < 1e-4  # moments are squares


def begins(meeting: Meeting, config: RunConfig, folder: Path) -> int:
    with world_of(meeting, "fsdp") as world:
        checkpoints = world.checkpoints(folder, run="a" * 64, witness=lambda step: "")
        member = member_of(world, config, checkpoints=checkpoints)
        checkpoints.restore(member.state)
        return member.state.step


def test_all_pass_over_one_that_is_damaged(crew: Crew, config: RunConfig, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    crew(part, config, "fsdp", folder, 7)
    newest = folder / "000000007.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1] + b"?")
    assert crew(begins, config, folder) == [6] * SIZE
    for file in folder.iterdir():
        file.write_bytes(b"?")
    assert crew(begins, config, folder) == [0] * SIZE
