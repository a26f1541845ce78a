"""Stopping early says of RMSNorm against LayerNorm what forty seeds each say."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lab.config.loading import load_sweep
from lab.report.judging.verdict import Verdict
from lab.report.judging.verdicts import judge

RUNS = pd.read_csv(Path(__file__).parent / "norm.csv")
FIXED = ("confirm.test=fixed", "confirm.min_seeds=null", "confirm.max_seeds=40")


def verdict(*overrides: str) -> Verdict:
    asked = ("confirm.twin=false", "confirm.margin=0.01", *overrides)
    (found,) = judge(load_sweep("norm.yaml", overrides=asked), RUNS)
    return found


@pytest.fixture(scope="module")
def reference() -> Verdict:
    found = verdict(*FIXED)
    assert found.n == 40
    return found


@pytest.mark.parametrize("seeds", [8, 20])
def test_the_verdict_is_that_of_forty_seeds(seeds: int, reference: Verdict) -> None:
    found = verdict(f"confirm.max_seeds={seeds}")
    assert found.settled
    assert found.n < 40
    assert found.kind == reference.kind
    assert found.tau == reference.tau


def test_the_interval_of_few_seeds_holds_the_mean_of_forty(reference: Verdict) -> None:
    for n in range(4, 21):
        found: Any = verdict(f"confirm.max_seeds={n}", f"confirm.min_seeds={n}")
        tau = found.tau
        assert found.n == n
        assert found.low + tau <= reference.difference <= found.high - tau


def test_forty_seeds_tell_the_shared_settings_apart_from_the_tuning(reference: Verdict) -> None:
    """What leaves the question open is the tuning, not the seeds: the report says so."""
    seeds = (reference.high - reference.low) / 2 - reference.tau
    assert reference.tau > 2 * seeds
    assert "tune with more trials first" in reference.sentence
