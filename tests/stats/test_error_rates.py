"""How often verdicts are wrong, and would be by other rules: quick; the long runs are proofs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lab
from lab.config.loading import load_sweep
from lab.report.judging.tuned import tuning_of
from lab.stats.paired import t_half_width
from lab.stats.sequential import half_width
from tests.stats.planted import LR, Curve, confirmed, looks, search, share, tuned

POSENC = Path(lab.__file__).parents[1] / "configs" / "posenc.yaml"


def test_a_twin_is_seldom_decided() -> None:
    d = np.random.default_rng(0).normal(size=(400, 20))
    decided = share([any(look.kind == "decided" for look in looks(row)) for row in d])
    assert 0 < decided <= 0.05


def test_arms_equal_at_their_optima_are_seldom_decided() -> None:
    """Their rates, 0.3 octave apart, are tuned in six trials each: without tau it fails."""
    curve, tune, wrong, here = Curve.measured(), search(6), [], []
    for seed in range(60):
        one, other = tuned(tune, curve, (0.0, 0.3), seed=seed)
        d = confirmed(one, other, curve, seeds=12, rng=np.random.default_rng(seed))
        found = list(looks(d, tau=one.tau + other.tau))
        wrong.append(any(look.kind == "decided" for look in found))
        here.append(any(look.differs_here for look in found))
    assert share(wrong) <= 0.1  # 3 % in the long run
    assert share(here) > 0.2


@pytest.mark.parametrize("trials", [6, 10])
def test_the_tolerance_is_the_one_that_reports_use(trials: int) -> None:
    question = load_sweep(POSENC, overrides=[f"tune.trials={trials}"])
    assert question.tune == search(trials)
    for seed in range(3):
        (arm,) = tuned(search(trials), Curve.measured(), (0.0,), seed=seed)
        rows = pd.DataFrame({LR: arm.rates, "val/loss": arm.losses, "trial": range(trials)})
        runs = rows.assign(phase="tune", variant="rope", status="complete", seed=0)
        found = tuning_of(question, runs, "rope")
        assert found is not None
        assert found.chosen[LR] == arm.rates[int(np.argmin(arm.losses))]
        assert found.tau == arm.tau


def test_the_sequence_covers_where_it_stops_and_students_interval_does_not() -> None:
    """At its own stop Student's interval covers 91.5 % of the time (METHODS)."""
    covered, students = [], []
    for row in np.random.default_rng(1).normal(0.5, 1, size=(1000, 20)):
        all_looks = list(enumerate(looks(row), start=4))
        n, last = next((look for look in all_looks if look[1].settled), all_looks[-1])
        covered.append(abs(last.mean - 0.5) <= last.half)
        half = t_half_width(n, float(row[:n].std(ddof=1)), alpha=0.05)
        students.append(abs(last.mean - 0.5) <= half)
    assert share(covered) >= 0.95
    assert share(students) == pytest.approx(0.915, abs=0.02)


def test_a_t_test_after_every_seed() -> None:
    """22 % false positives between 3 and 20 seeds (METHODS)."""
    d = np.random.default_rng(2).normal(size=(4000, 20))
    assert _ever(d, 3, lambda n: t_half_width(n, 1.0, alpha=0.05)) == pytest.approx(0.22, abs=0.02)


@pytest.mark.parametrize(("seeds", "share_decided"), [(40, 0.025), (200, 0.031)])
def test_the_sequence_after_every_seed(seeds: int, share_decided: float) -> None:
    """2.5 % at 40 looks and 3.1 % at 200 (METHODS)."""
    d = np.random.default_rng(3).normal(size=(4000, seeds))
    decided = _ever(d, 2, lambda n: half_width(n, 1.0, alpha=0.05))
    assert decided == pytest.approx(share_decided, abs=0.006)


@pytest.mark.parametrize(("n", "coverage"), [(3, 0.74), (5, 0.83), (10, 0.90)])
def test_a_percentile_bootstrap_covers_too_little(n: int, coverage: float) -> None:
    rng = np.random.default_rng(4)
    d = rng.normal(size=(1500, n))
    means = d[np.arange(1500)[:, None, None], rng.integers(0, n, (1500, 400, n))].mean(axis=2)
    low, high = np.quantile(means, [0.025, 0.975], axis=1)
    assert np.mean((low <= 0) & (high >= 0)) == pytest.approx(coverage, abs=0.03)


def _ever(d: np.ndarray, first: int, width: Callable[[int], float]) -> float:
    """The share of rows whose mean is ever beyond the width, in SDs, from the first look on."""
    n = np.arange(1, d.shape[1] + 1)
    mean = d.cumsum(axis=1) / n
    squares = np.square(d).cumsum(axis=1) - n * mean**2
    sd = np.sqrt(squares / np.maximum(n - 1, 1))
    widths = np.array([width(int(k)) for k in n])
    looked = (n >= first) & np.isfinite(widths)
    beyond = np.abs(mean[:, looked]) > sd[:, looked] * widths[looked]
    return float(beyond.any(axis=1).mean())
