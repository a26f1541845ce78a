"""One step of the optimizer, and several runs side by side."""

import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from lab.train.clock import Clock
from lab.train.loop import train_many
from lab.train.member import Member
from lab.train.update import Alone, rate_at, seed_draws, shares
from tests.train.loops import Rows, Setup, run, weights


def member(parts: Setup) -> Member:
    state, source, config = parts
    return Member(state, source, config.train, config.seed, config.tokens_per_step, Rows(), Clock())


class Several:
    """Updates every run by itself."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.of = {
            id(one): Alone(one.state, one.batches, one.config, seed=one.seed) for one in members
        }
        self.dropped: list[Member] = []

    def step(self, number: int) -> None:
        for update in self.of.values():
            update.step(number)

    def drop(self, members: Sequence[Member]) -> None:
        self.dropped += members
        for one in members:
            del self.of[id(one)]


def test_runs_side_by_side_are_each_as_alone(setup) -> None:
    """One of them diverges, and leaves."""
    seeds = (1, 2, 3)
    sick = {"train.optimizer": {"kind": "adamw", "lr": 1e30}, "train.clip_norm": None}
    changes = [{"seed": seed, **(sick if seed == 2 else {})} for seed in seeds]
    alone = [setup(**change) for change in changes]
    together = [setup(**change) for change in changes]
    expected = [run(parts) for parts in alone]
    members = [member(parts) for parts in together]
    update = Several(members)
    outcomes = train_many(members, update)
    assert [outcome.status for outcome in outcomes] == ["complete", "diverged", "complete"]
    assert repr(outcomes) == repr([outcome for outcome, _ in expected])  # a NaN is not itself
    told = [one.tracker.rows for one in members]
    assert repr(told) == repr([rows.rows for _, rows in expected])
    assert update.dropped[0] is members[1]
    for number in (0, 2):
        assert torch.equal(weights(together[number][0]), weights(alone[number][0]))


def test_a_stop_reaches_all_at_one_step(setup, tmp_path) -> None:
    from lab.train.checkpoint import Checkpoints

    members = [member(setup(seed=seed)) for seed in (1, 2)]
    for number, one in enumerate(members):
        one.checkpoints = Checkpoints(tmp_path / str(number), run="x" * 64)
    asked: list[int] = []

    def stop() -> bool:
        asked.append(members[0].state.step)
        return members[0].state.step >= 3

    outcomes = train_many(members, Several(members), stop=stop)
    assert [(o.status, o.step) for o in outcomes] == [("interrupted", 3)] * 2
    assert asked == [1, 2, 3]


def test_time_is_shared_out(setup) -> None:
    members = [member(setup(seed=seed)) for seed in (1, 2)]
    train_many(members, Several(members))
    first, second = (one.clock.snapshot()["train"] for one in members)
    assert first > 0
    assert second > 0


COMPILED = """
import sys
import torch
from pathlib import Path
from lab.config.loading import load_run
from lab.config.order import WorkOrder
from lab.parts import Parts
from lab.train.clock import Clock
from lab.train.update import Alone

backend, config, *overrides = sys.argv[1:]
compile_, made = torch.compile, []

def compile_by(function):
    made.append(function)
    return compile_(function, backend=backend)

torch.compile = compile_by
config = load_run(config, overrides=overrides)
order = WorkOrder(
    run="r", digest="", config=config, labels={}, settings={}, threads=1, provenance={}
)
found = []
for compiled in (False, True):
    run = Parts(order, Path(), Clock())
    update = Alone(run.state, run.batches, config.train, seed=0, compiled=compiled)
    for number in range(1, 6):
        update.step(number)
    weights = torch.cat([p.detach().flatten() for p in run.model.parameters()])
    found.append((weights, torch.stack(run.state.pending)))
assert len(made) == 1
for plain, compiled in zip(*found):
    torch.testing.assert_close(compiled, plain, rtol=1e-4, atol=1e-6)
"""


@pytest.mark.parametrize(
    "change", ["train.z_loss=1e-3", "train.micro_batch_size=1", "model.position.kind=rope"]
)
def test_a_compiled_step_is_the_plain_one(
    tiny_run: dict[str, Any], tmp_path: Path, change: str
) -> None:
    """Captured as graphs, without the code generator, which takes half a minute."""
    check_compiled(tiny_run, tmp_path, change, backend="aot_eager")


def check_compiled(tiny_run: dict[str, Any], tmp_path: Path, change: str, *, backend: str) -> None:
    """Apart from this process, whose checks of shapes dynamo does not follow."""
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(tiny_run))
    rate = "train.optimizer.lr=1e-3"
    told = subprocess.run(
        [sys.executable, "-c", COMPILED, backend, str(path), change, rate],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr


def test_a_step_leaves_no_gradient_and_its_number(setup) -> None:
    state, source, config = setup()
    update = Alone(state, source, config.train, seed=0)
    update.step(1)
    update.step(2)
    assert state.step == 2
    assert len(state.pending) == 2
    assert all(p.grad is None for p in state.model.parameters())
    assert state.optimizer.param_groups[0]["lr"] == rate_at(config.train, 2)


def test_micro_batches_weigh_by_what_is_scored(setup) -> None:
    _, source, config = setup()
    whole = source.batch(1)
    halves = [source.batch(1, part=slice(0, 1)), source.batch(1, part=slice(1, None))]
    assert shares([whole]) == [1.0]
    rows = config.train.batch_size
    assert shares(halves) == pytest.approx([1 / rows, 1 - 1 / rows])
    halves[0].targets[:] = -100
    assert shares(halves) == [0.0, 1.0]
    assert math.isclose(sum(shares(halves)), 1)


def test_draws_are_those_of_the_seed() -> None:
    seed_draws(torch.device("cpu"), 5)
    found = torch.rand(3)
    assert torch.equal(found, torch.rand(3, generator=torch.Generator().manual_seed(5)))
