"""What a worker is told of a run, and which runs it may be told of together."""

from pathlib import Path
from typing import Any

import pytest

from lab.config.execution import Executed
from lab.sweep.folder import SweepFolder
from lab.sweep.orders import Orders
from lab.sweep.plan import PlannedRun
from tests.sweep.simulated import plan_of, question

VARIANTS = {
    "a": {},
    "rate": {"train.optimizer.lr": 0.1},
    "wide": {"model.d_model": 32},
    "eager": {"train.compile": False},
    "compiled": {"train.compile": True},
}


def orders(path: Path, executed: Executed, **changes: Any) -> Orders:
    asked = question(variants=VARIANTS, confirm={"max_seeds": 6}, **changes)
    data: dict[str, Path | None] = dict.fromkeys(asked.arms, path / "tokens")
    return Orders(plan_of(asked), SweepFolder(path), path / "artifacts", data, "cpu", executed)


def run(made: Orders, arm: str, seed: int = 1, phase: Any = "confirm", **more: Any) -> PlannedRun:
    return made.plan.run(arm, phase, seed, **more)


def test_an_order_says_how_its_run_is_executed(tmp_path: Path) -> None:
    made = orders(tmp_path, Executed(kind="cohort", members=4, threads=3))
    order = made.of(run(made, "a"))
    assert (order.execution, order.threads, order.compiled) == ("cohort", 3, False)
    plain = orders(tmp_path, Executed())
    assert plain.of(run(plain, "a")).execution == "alone"


@pytest.mark.parametrize("arm", ["a", "a-twin"])
def test_what_the_plan_compiles_is_compiled_where_the_run_leaves_it_open(
    tmp_path: Path, arm: str
) -> None:
    made = orders(tmp_path, Executed(compiled=("a", "eager")))
    assert made.of(run(made, arm)).compiled
    assert not made.of(run(made, "rate")).compiled
    assert not made.of(run(made, "eager")).compiled
    assert made.of(run(made, "compiled")).compiled


def test_runs_are_alike_that_one_job_may_carry_out(tmp_path: Path) -> None:
    made = orders(tmp_path, Executed(kind="cohort", members=4, compiled=("rate",)))
    same = made.alike(run(made, "a"))
    assert made.alike(run(made, "a", 2)) == same
    assert made.alike(run(made, "a-twin")) == same
    others = {
        "another shape": run(made, "wide"),
        "compiled": run(made, "rate"),
        "for another while": run(made, "a", until=50),
        "judged on another split": run(made, "a", phase="tune"),
    }
    for what, other in others.items():
        assert made.alike(other) != same, what
    plain = orders(tmp_path, Executed(kind="cohort", members=4))
    assert plain.alike(run(plain, "rate")) == plain.alike(run(plain, "a"))
