"""What a plan asks of a cluster."""

from typing import Any

import pytest

from lab.config.launcher import Ray, Slurm
from lab.config.sweep import SweepConfig
from lab.sweep.demand import Demand, demand
from lab.sweep.estimate import estimate, remember
from lab.sweep.plan import Plan

ARMS = {"a": {}, "b": {"model.norm.eps": 1e-6}}
VOCAB = dict.fromkeys("ab", 65)


def asked(
    tiny_run: dict[str, Any],
    launcher: Slurm | Ray,
    *,
    jobs: int = 4,
    gathered: int = 1,
    **parts: Any,
) -> Demand:
    raw = {"question": "Which?", "base": tiny_run, "variants": ARMS, **parts}
    plan = Plan(SweepConfig.parse(raw), "digest", settled=lambda runs, results: set())
    cost = estimate(plan, vocab_sizes=VOCAB, device="there", workers=jobs)
    return demand(plan, cost, launcher, threads=2, jobs=jobs, gathered=gathered)


@pytest.fixture
def known(tiny_run: dict[str, Any]) -> float:
    """Seconds of a run, of which there is a record."""
    run = SweepConfig.parse({"question": "Which?", "base": tiny_run, "variants": ARMS}).base
    remember(
        device="there",
        flops_per_token=run.model.flops_per_token(65),
        tokens_per_step=run.tokens_per_step,
        seconds=100 / (run.train.steps * run.tokens_per_step),
    )
    return 100.0


def test_runs_without_a_record_have_no_hours(tiny_run: dict[str, Any]) -> None:
    found = asked(tiny_run, Slurm())
    assert (found.jobs, found.chain) == ((2, 2), (1, 1))
    assert found.gpu_hours is found.core_hours is found.chain_seconds is None


def test_hours_are_those_of_all_runs(tiny_run: dict[str, Any], known: float) -> None:
    confirm = {"min_seeds": 4, "max_seeds": 4, "twin": False}
    found = asked(tiny_run, Slurm(gpus=2), confirm=confirm)
    assert found.gpu_hours == pytest.approx((8 * 100 * 2 / 3600,) * 2)
    assert found.core_hours == pytest.approx((8 * 100 * 2 / 3600,) * 2)
    assert found.chain_seconds == pytest.approx((100, 100))
    shared = asked(tiny_run, Ray(gpus=0.25, cpus=0.5), confirm=confirm)
    assert shared.gpu_hours == pytest.approx((8 * 100 / 4 / 3600,) * 2)


def test_short_runs_share_jobs_and_long_ones_take_several(
    tiny_run: dict[str, Any], known: float
) -> None:
    confirm = {"min_seeds": 4, "max_seeds": 4, "twin": False}
    assert asked(tiny_run, Slurm(), confirm=confirm, gathered=3).jobs == (3, 3)
    assert asked(tiny_run, Slurm(time=1), confirm=confirm).jobs == (16, 16)


@pytest.mark.parametrize(("jobs", "chain"), [(2, (1, 5)), (6, (1, 3)), (100, (1, 1))])
def test_seeds_wait_for_each_other_where_there_is_no_room(
    tiny_run: dict[str, Any], jobs: int, chain: tuple[int, int]
) -> None:
    confirm = {"min_seeds": 4, "max_seeds": 8, "twin": False}
    assert asked(tiny_run, Slurm(), jobs=jobs, confirm=confirm).chain == chain


def test_waves_of_trials_wait_for_each_other(tiny_run: dict[str, Any]) -> None:
    space = {"train.optimizer.lr": {"low": 1e-4, "high": 1e-2, "log": True}}
    listed = {"sampler": {"kind": "quasi-random"}, "trials": 12, "space": space}
    assert asked(tiny_run, Slurm(), tune=listed).chain == (2, 2)  # then around the best
    adaptive = {"sampler": {"kind": "tpe", "width": 4}, "trials": 12, "space": space}
    assert asked(tiny_run, Slurm(), tune=adaptive).chain == (3, 3)
