"""Sweeps with factors and with scales, for figures that write nothing into them."""

from pathlib import Path

import pytest

from lab.config.sweep import SweepConfig
from lab.report.collect import open_sweep
from lab.report.snapshot import Snapshot, snapshot
from tests.report.sweeps import Truth, build_sweep

CONFIRM = {"min_seeds": 4, "max_seeds": 6, "margin": 0.01}
ROPE = {"model.position": {"kind": "rope"}}
RMS = {"model.norm": {"kind": "rmsnorm"}}
CELLS = {
    "learned+layernorm": 2.13,
    "learned+rmsnorm": 2.11,
    "rope+layernorm": 1.90,
    "rope+rmsnorm": 1.80,
}
SIZES = {"tiny": 16, "small": 32, "large": 64, "huge": 128}


@pytest.fixture(scope="session")
def factorial(tmp_path_factory, asking) -> Snapshot:
    """Two factors of two levels, five seeds."""
    factors = {"position": {"learned": {}, "rope": ROPE}, "norm": {"layernorm": {}, "rmsnorm": RMS}}
    asked = asking(variants={"base": {}}, baseline=None, factors=factors, confirm=CONFIRM)
    return _built(tmp_path_factory.mktemp("factors") / "factors", asked, CELLS)


@pytest.fixture(scope="session")
def scaled(tmp_path_factory, asking) -> Snapshot:
    """RoPE against learned positions at four widths; RoPE is 0.2 below."""
    scales = {name: {"model.d_model": width} for name, width in SIZES.items()}
    asked = asking(variants={"learned": {}, "rope": ROPE}, scales=scales, confirm=CONFIRM)
    losses = {
        arm: 1.5 + 6 / SIZES[str(asked.scale_of(arm))] ** 0.5 - 0.2 * arm.startswith("rope")
        for arm in asked.arms
    }
    return _built(tmp_path_factory.mktemp("scales") / "scales", asked, losses)


def _built(folder: Path, asked: SweepConfig, losses: dict[str, float]) -> Snapshot:
    seeds = dict.fromkeys([*asked.arms, *asked.twins], 5)
    build_sweep(folder, asked, Truth(loss=losses, seeds=seeds, best_lr={}))
    return snapshot(open_sweep(folder))
