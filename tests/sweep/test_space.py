"""Tuning points: even, shared, in range."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.sweep import Range, TuneConfig
from lab.sweep.space import explore, refine

LR = "train.optimizer.lr"


def tune_of(trials: int = 12, *, kind: str = "quasi-random", **space: Range) -> TuneConfig:
    space = space or {LR: Range(low=1e-4, high=1e-1, log=True)}
    raw = {
        "sampler": {"kind": kind},
        "trials": trials,
        "space": {path: span.dump() for path, span in space.items()},
    }
    return TuneConfig.parse(raw)


def test_sobol_points_fall_one_into_each_stratum() -> None:
    tune = tune_of(12)  # 8 explore, 4 refine
    points = [(math.log10(p[LR]) + 4) / 3 for p in explore(tune, seed=1)]
    assert sorted(int(x * 8) for x in points) == list(range(8))


def test_neither_the_first_nor_the_second_point_is_a_bound() -> None:
    for seed in range(20):
        for point in explore(tune_of(3), seed=seed):
            assert 1e-4 < point[LR] < 1e-1


@settings(deadline=None, max_examples=40, database=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    trials=st.integers(1, 30),
    kind=st.sampled_from(["quasi-random", "random"]),
    best=st.floats(0, 1),
)
def test_every_point_lies_in_its_range(seed: int, trials: int, kind: str, best: float) -> None:
    tune = tune_of(
        trials, kind=kind, a=Range(low=-2, high=3), b=Range(low=1e-6, high=1e2, log=True)
    )
    first = explore(tune, seed=seed)
    centre = {"a": -2 + 5 * best, "b": 10 ** (-6 + 8 * best)}
    last = refine(tune, centre, seed=seed)
    assert (len(first), len(last)) == (trials - trials // 3, trials // 3)
    for point in first + last:
        assert -2 <= point["a"] <= 3
        assert 1e-6 <= point["b"] <= 1e2


@pytest.mark.parametrize("best", [1e-4, 3e-3, 1e-1])
def test_refinement_stays_within_a_spacing_of_the_best(best: float) -> None:
    tune = tune_of(6)
    spacing = 3 / tune.n_explore  # decades
    for point in refine(tune, {LR: best}, seed=0):
        assert abs(math.log10(point[LR] / best)) <= 2 * spacing
    if best == 3e-3:
        ratios = [math.log10(p[LR] / best) for p in refine(tune, {LR: best}, seed=0)]
        assert min(ratios) < 0 < max(ratios)
        assert max(map(abs, ratios)) <= spacing + 1e-3


def test_equal_plans_have_equal_points_and_more_trials_keep_the_first() -> None:
    assert explore(tune_of(12), seed=3) == explore(tune_of(12), seed=3)
    assert explore(tune_of(12), seed=3) != explore(tune_of(12), seed=4)
    assert explore(tune_of(24), seed=3)[:8] == explore(tune_of(12), seed=3)


def test_values_have_four_digits() -> None:
    for point in explore(tune_of(30), seed=0):
        assert float(f"{point[LR]:.4g}") == point[LR]
