"""Lists of trials: even, shared, in range; conditions and constraints kept."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.space import Range, Settings, is_active
from lab.config.tune import TuneConfig
from lab.errors import ConfigError
from lab.sweep.space import explore, filled, refine

LR = "train.optimizer.lr"
RATE: dict[str, Any] = {"low": 1e-4, "high": 1e-1, "log": True}
SHIPPED = ([0.0005832, 0.006583, 0.01545, 0.001331], [0.0006369, 0.001922])
quick = settings(deadline=None, max_examples=40, database=None)
Against = Callable[[Settings], str | None]


def tune_of(trials: int | None = 12, *, kind: str = "quasi-random", **more: Any) -> TuneConfig:
    raw = {"sampler": {"kind": kind}, "trials": trials, "space": {LR: RATE}, **more}
    return TuneConfig.parse({key: value for key, value in raw.items() if value is not None})


def listed(tune: TuneConfig, *, seed: int, **more: Any) -> list[Settings]:
    return explore(tune, seed=seed, **more)[0]


def refined(tune: TuneConfig, best: Settings, *, seed: int, **more: Any) -> list[Settings]:
    return refine(tune, best, seed=seed, **more)[0]


def number(value: Any) -> float:
    assert isinstance(value, int | float)
    return float(value)


# ---- ranges of numbers


def test_sobol_points_fall_one_into_each_stratum() -> None:
    tune = tune_of(12)  # 8 explore, 4 refine
    points = [(math.log10(number(p[LR])) + 4) / 3 for p in listed(tune, seed=1)]
    assert sorted(int(x * 8) for x in points) == list(range(8))


def test_neither_the_first_nor_the_second_point_is_a_bound() -> None:
    for seed in range(20):
        for point in listed(tune_of(3), seed=seed):
            assert 1e-4 < number(point[LR]) < 1e-1


@quick
@given(
    seed=st.integers(0, 2**32 - 1),
    trials=st.integers(1, 30),
    kind=st.sampled_from(["quasi-random", "random"]),
    best=st.floats(0, 1),
)
def test_every_point_lies_in_its_range(seed: int, trials: int, kind: str, best: float) -> None:
    space = {"a": {"low": -2, "high": 3}, "b": {"low": 1e-6, "high": 1e2, "log": True}}
    tune = tune_of(trials, kind=kind, space=space)
    first = listed(tune, seed=seed)
    last = refined(tune, {"a": -2 + 5 * best, "b": 10 ** (-6 + 8 * best)}, seed=seed)
    assert (len(first), len(last)) == (trials - trials // 3, trials // 3)
    for point in first + last:
        assert -2 <= number(point["a"]) <= 3
        assert 1e-6 <= number(point["b"]) <= 1e2


@pytest.mark.parametrize("best", [1e-4, 3e-3, 1e-1])
def test_refinement_stays_within_a_spacing_of_the_best(best: float) -> None:
    tune = tune_of(6)
    spacing = 3 / tune.n_explore  # decades
    ratios = [math.log10(number(p[LR]) / best) for p in refined(tune, {LR: best}, seed=0)]
    assert max(map(abs, ratios)) <= 2 * spacing
    if best == 3e-3:
        assert min(ratios) < 0 < max(ratios)
        assert max(map(abs, ratios)) <= spacing + 1e-3


def test_equal_plans_have_equal_points_and_more_trials_keep_the_first() -> None:
    assert listed(tune_of(12), seed=3) == listed(tune_of(12), seed=3)
    assert listed(tune_of(12), seed=3) != listed(tune_of(12), seed=4)
    assert listed(tune_of(24), seed=3)[:8] == listed(tune_of(12), seed=3)


def test_points_do_not_change_from_version_to_version() -> None:
    """What the shipped questions were answered with, written down."""
    rate = {LR: {"low": 5.0e-4, "high": 1.6e-2, "log": True}}
    points = [number(p[LR]) for p in listed(tune_of(6, space=rate), seed=0)]
    assert points == SHIPPED[0]
    assert [number(p[LR]) for p in refined(tune_of(6, space=rate), {LR: points[0]}, seed=0)] == (
        SHIPPED[1]
    )


def test_values_have_four_digits() -> None:
    for point in listed(tune_of(30), seed=0):
        assert float(f"{point[LR]:.4g}") == point[LR]


def test_a_narrow_range_has_more_than_its_ends() -> None:
    tune = tune_of(12, space={"theta": {"low": 100_000, "high": 100_050}})
    assert len({point["theta"] for point in listed(tune, seed=0)}) == 8


# ---- whole numbers, steps, choices, conditions

MIXED: dict[str, Any] = {
    "rate": RATE,
    "layers": {"low": 1, "high": 4, "integer": True},
    "batch": {"low": 1, "high": 64, "integer": True, "log": True},
    "drop": {"low": 0.0, "high": 0.3, "step": 0.1},
    "bias": {"choices": [True, False, None]},
    "pos": {"choices": {"rope": {"x": 1}, "sines": {"x": 2}, "none": {"x": 3}}},
    "theta": {"low": 10.0, "high": 1000.0, "log": True, "when": {"pos": ["rope", "sines"]}},
    "scale": {"choices": [1, 2.5], "when": {"layers": [3, 4], "pos": ["rope"]}},
}


def check(tune: TuneConfig, points: list[Settings]) -> None:
    for point in points:
        assert list(point) == [name for name in tune.space if name in point]
        for name, entry in tune.space.items():
            assert (name in point) == is_active(entry, point)
            if name in point:
                value = point[name]
                assert entry.holds(value)
                if isinstance(entry, Range):
                    assert isinstance(value, int if entry.integer else float)


@quick
@given(
    seed=st.integers(0, 2**32 - 1),
    trials=st.integers(1, 40),
    kind=st.sampled_from(["quasi-random", "random"]),
    pick=st.integers(0, 99),
    odd=st.booleans(),
)
def test_lists_keep_to_the_space(seed: int, trials: int, kind: str, pick: int, odd: bool) -> None:
    tune = tune_of(trials, kind=kind, space=MIXED)

    def against(point: Settings) -> str | None:
        return "too deep" if odd and number(point["layers"]) > 2 else None

    first, passed = explore(tune, seed=seed, against=against)
    assert len(first) == tune.n_explore
    assert all(reason == "too deep" for _, reason in passed)
    check(tune, first + [settings for settings, _ in passed])
    best = first[pick % len(first)]
    last, beside = refine(tune, best, seed=seed, against=against)
    check(tune, last + [settings for settings, _ in beside])
    for point in last:
        assert against(point) is None
        assert (point["bias"], point["pos"]) == (best["bias"], best["pos"])
        if "scale" in point and "scale" in best:
            assert point["scale"] == best["scale"]
    again = explore(tune, seed=seed, against=against)
    assert again == (first, passed)


def test_whole_numbers_and_choices_come_equally_often() -> None:
    space = {name: MIXED[name] for name in ("layers", "drop", "bias", "pos", "rate")}
    points = listed(tune_of(256, space=space, refine=0), seed=0)
    for name, count in (("layers", 4), ("drop", 4), ("bias", 3), ("pos", 3)):
        seen = [point[name] for point in points]
        for value in set(seen):
            assert abs(seen.count(value) - 256 / count) <= 256 / count * 0.2
    batches = [point["batch"] for point in listed(tune_of(96, space=MIXED), seed=0)]
    assert {1, 2, 64} & set(batches)
    assert 0.3 < sum(number(batch) < 8 for batch in batches) / len(batches) < 0.7


def test_refinement_comes_closer_in_whole_numbers_too() -> None:
    space = {"width": {"low": 0, "high": 999, "integer": True}}
    tune = tune_of(30, space=space)
    for best in (0, 500, 999):
        points = [number(p["width"]) for p in refined(tune, {"width": best}, seed=0)]
        assert len(set(points)) == 10
        assert max(abs(p - best) for p in points) <= 2 * 1000 / 20 + 1
    middle = [number(p["width"]) for p in refined(tune, {"width": 500}, seed=0)]
    assert min(middle) < 500 < max(middle)


@pytest.mark.parametrize("count", [2, 3, 7, 29, 49])
def test_refinement_keeps_every_choice(count: int) -> None:
    space = {"x": {"choices": list(range(count))}, LR: RATE}
    tune = tune_of(96, space=space)
    for value in range(count):
        assert {p["x"] for p in refined(tune, {"x": value, LR: 0.01}, seed=1)} == {value}


def test_a_range_of_billions_is_quick() -> None:
    space = {"x": {"low": 0, "high": 2**40, "integer": True}}
    points = listed(tune_of(64, space=space), seed=0)
    assert len({point["x"] for point in points}) == 43
    refined(tune_of(64, space=space), points[0], seed=0)


# ---- what was there before


def test_combinations_come_once() -> None:
    space = {"a": {"choices": [1, 2, 3]}, "b": {"low": 1, "high": 2, "integer": True}}
    for kind in ("quasi-random", "random"):
        tune = tune_of(6, kind=kind, space=space, refine=0)
        points = listed(tune, seed=1)
        assert len({tuple(point.values()) for point in points}) == 6
        assert explore(tune, seed=1)[1] == []  # nothing that could not be tried


def test_refinement_leaves_out_what_was_tried() -> None:
    tune = tune_of(9, space={"a": {"low": 1, "high": 12, "integer": True}})
    first = listed(tune, seed=0)
    assert len({point["a"] for point in first}) == 6
    last = refined(tune, first[0], seed=0, before=first)
    assert last
    assert not {point["a"] for point in last} & {point["a"] for point in first}


def test_more_points_than_can_be_told_apart() -> None:
    tune = tune_of(7, space={"a": {"choices": [1, 2, 3]}})
    with pytest.raises(ConfigError) as caught:
        explore(tune, seed=0)
    assert str(caught.value) == (
        "tune: of 3 points only 3 can be tried, not 7; the last was passed over because the same "
        "came again; widen the space or the constraints, or try fewer"
    )


# ---- constraints


def test_points_that_cannot_be_tried_are_passed_over_for_the_next() -> None:
    tune = tune_of(12)
    every = listed(tune_of(48, refine=0), seed=5)

    def against(point: Settings) -> str | None:
        return "too slow" if number(point[LR]) < 1e-3 else None

    found, skipped = explore(tune, seed=5, against=against)
    assert found == [point for point in every if against(point) is None][:8]
    assert skipped == [(point, "too slow") for point in every if against(point)][: len(skipped)]


def test_variants_share_the_points_that_both_can_try() -> None:
    tune = tune_of(30, space=MIXED)

    def shallow(point: Settings) -> str | None:
        return "too deep" if point["layers"] == 4 else None

    one, other = listed(tune, seed=2), listed(tune, seed=2, against=shallow)
    shared = [point for point in one if shallow(point) is None]
    assert other[: len(shared)] == shared


def test_where_nothing_can_be_tried_is_a_sentence() -> None:
    with pytest.raises(ConfigError) as caught:
        explore(tune_of(3), seed=0, against=lambda point: "model.n_params = 5 breaks it")
    assert str(caught.value) == (
        "tune: of 128 points only 0 can be tried, not 2; the last was passed over because "
        "model.n_params = 5 breaks it; widen the space or the constraints, or try fewer"
    )


def test_refinement_where_little_fits_has_fewer() -> None:
    tune = tune_of(12)
    found, skipped = refine(tune, {LR: 1e-2}, seed=0, against=lambda point: "no")
    assert found == []
    assert len(skipped) == 64 * 4


# ---- grids


def test_a_grid_has_every_cell_that_can_be_tried() -> None:
    space = {"a": {"choices": [1, 2, 3]}, "b": {"low": 1, "high": 2, "integer": True}}
    tune = tune_of(kind="grid", space=space, trials=None)
    cells = [{"a": a, "b": b} for a in (1, 2, 3) for b in (1, 2)]
    assert explore(tune, seed=0) == (cells, [])
    found, skipped = explore(tune, seed=9, against=lambda p: "odd" if p["a"] == 2 else None)
    assert found == [cell for cell in cells if cell["a"] != 2]
    assert skipped == [(cell, "odd") for cell in cells if cell["a"] == 2]
    with pytest.raises(ConfigError, match="of 6 points only 0 can be tried, not 6"):
        explore(tune, seed=0, against=lambda point: "no")


# ---- settings to try first


def test_what_is_left_open_is_taken_from_a_point() -> None:
    tune = tune_of(12, space=MIXED)
    point = {"rate": 0.01, "layers": 4, "batch": 8, "drop": 0.1, "bias": None, "pos": "rope",
             "theta": 50.0, "scale": 2.5}  # fmt: skip
    assert filled(tune, {}, point) == point
    assert filled(tune, point, {}) == point
    assert list(filled(tune, {"pos": "rope"}, point)) == list(tune.space)
    without = filled(tune, {"pos": "none", "bias": True}, point)
    assert without == {k: v for k, v in point.items() if k not in ("theta", "scale")} | {
        "pos": "none",
        "bias": True,
    }
    shallow = filled(tune, {"layers": 1}, point)
    assert "scale" not in shallow
    assert shallow["theta"] == 50.0


@quick
@given(seed=st.integers(0, 1000), pos=st.sampled_from(["rope", "sines", "none"]))
def test_filled_settings_keep_to_the_space(seed: int, pos: str) -> None:
    """Where the point lacks what a choice brings with it, its middle is taken."""
    tune = tune_of(12, space=MIXED)
    for point in listed(tune, seed=seed):
        found = filled(tune, {"pos": pos, "layers": 3}, point)
        check(tune, [found])
        assert (found["pos"], found["layers"]) == (pos, 3)
        assert all(found[name] == point[name] for name in ("rate", "batch", "drop", "bias"))
