"""What a plan will cost: counts that can be worked out by hand."""

from pathlib import Path

import pytest

from lab.files import read_json
from lab.sweep.estimate import BYTES_A_PARAMETER, estimate, remember, remember_results
from lab.sweep.plan import Plan
from tests.sweep.test_plan import BASE, plan_of

WIDE = {"model.d_model": 64}
SIZES = {"base": 50, "wide": 50}


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path))


def plan(**confirm: object) -> Plan:
    asked = {"min_seeds": 2, "max_seeds": 6, **confirm}
    return plan_of(tune=None, variants={"base": {}, "wide": WIDE}, confirm=asked)


def test_every_run_costs_what_its_own_size_costs() -> None:
    found = estimate(plan(), vocab_sizes=SIZES, device="cpu", workers=2)
    base, wide = found.costs
    assert found.runs == (2 * 3, 6 * 3)  # with a twin of the first
    assert found.flops == (2 * (2 * base.flops + wide.flops), 6 * (2 * base.flops + wide.flops))
    assert found.package_bytes[1] == 6 * BYTES_A_PARAMETER * (2 * base.n_params + wide.n_params)
    assert found.seconds is None
    without = estimate(plan(twin=False), vocab_sizes=SIZES, device="cpu", workers=2)
    assert without.flops == (2 * (base.flops + wide.flops), 6 * (base.flops + wide.flops))


def test_only_the_best_package_is_kept_where_that_is_asked_for() -> None:
    few = plan_of(tune=None, variants={"base": {}, "wide": WIDE}, packages="best")
    found = estimate(few, vocab_sizes=SIZES, device="cpu", workers=1)
    assert found.package_bytes == tuple(sorted(cost.package_bytes for cost in found.costs))


def test_seconds_are_those_of_the_nearest_size_scaled() -> None:
    asked = plan()
    flops = {n: asked.question.variant(n).model.flops_per_token(50) for n in SIZES}
    tokens = BASE["train"]["batch_size"] * BASE["model"]["max_seq_len"]
    for name, seconds in (("base", 0.001), ("wide", 0.004)):
        remember(
            device="cpu", flops_per_token=flops[name], tokens_per_step=tokens,
            seconds=seconds,
        )  # fmt: skip
    found = estimate(asked, vocab_sizes=SIZES, device="cpu", workers=2)
    per_run = BASE["train"]["steps"] * tokens
    assert found.seconds == pytest.approx([n * (2 * 0.001 + 0.004) * per_run / 2 for n in (2, 6)])


def test_the_median_speed_of_finished_runs_is_remembered(tmp_path: Path) -> None:
    results = [
        {"status": "complete", "tokens": 320, "step": 10, "model": {"flops_per_token": 7},
         "timing": {"train": seconds, "eval": 0.0}}
        for seconds in (1.0, 3.2, 9.0)
    ]  # fmt: skip
    remember_results([*results, {"status": "failed", "timing": {}}], device="cpu")
    assert read_json(tmp_path / "calibration.json") == {
        "cpu/1": [{"flops_per_token": 7, "tokens_per_step": 32, "seconds_per_token": 0.01}]
    }
