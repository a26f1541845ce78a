"""Contrasts against the cell means that they are meant to tell apart."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.config.contrasts import cells, effects, pair

LEVELS = {"position": ["learned", "rope"], "norm": ["layernorm", "rmsnorm"]}
names = st.lists(st.sampled_from("abcdef"), min_size=2, max_size=4, unique=True)
levels = st.lists(names, min_size=2, max_size=3).map(
    lambda found: {f"f{n}": [f"{name}{n}" for name in level] for n, level in enumerate(found)}
)


def value(contrast, means):
    return sum(weight * means[arm] for arm, weight in contrast.weights.items())


def test_two_by_two():
    position, norm, both = effects(LEVELS)
    assert position.weights == {
        "rope+layernorm": 0.5,
        "rope+rmsnorm": 0.5,
        "learned+layernorm": -0.5,
        "learned+rmsnorm": -0.5,
    }
    assert (norm.effect, norm.a, norm.b, norm.factor) == ("main", "rmsnorm", "layernorm", "norm")
    assert both.weights == {
        "rope+rmsnorm": 1,
        "rope+layernorm": -1,
        "learned+rmsnorm": -1,
        "learned+layernorm": 1,
    }
    assert both.beside == ("norm", "rmsnorm", "layernorm")


@given(levels)
def test_as_many_effects_as_levels_leave_and_none_sees_a_common_shift(levels):
    found = list(effects(levels))
    spare = [len(names) - 1 for names in levels.values()]
    pairs = sum(a * b for a, b in itertools.combinations(spare, 2))
    assert len(found) == sum(spare) + pairs
    assert len({contrast.name for contrast in found}) == len(found)
    for contrast in found:
        assert contrast.weights.keys() <= set(cells(levels).values())
        assert value(contrast, dict.fromkeys(cells(levels).values(), 7.0)) == pytest.approx(0)


@given(levels, st.randoms(use_true_random=False))
def test_an_additive_world_has_main_effects_alone(levels, random):
    own = {name: random.random() for names in levels.values() for name in names}
    means = {arm: sum(own[name] for name in cell) for cell, arm in cells(levels).items()}
    for contrast in effects(levels):
        planted = own[contrast.a] - own[contrast.b] if contrast.effect == "main" else 0.0
        assert value(contrast, means) == pytest.approx(planted, abs=1e-9)


def test_an_interaction_is_a_difference_of_differences():
    means = dict(zip(cells(LEVELS).values(), np.array([2.0, 1.9, 1.7, 1.4]), strict=True))
    *_, both = effects(LEVELS)
    assert value(both, means) == pytest.approx((1.4 - 1.9) - (1.7 - 2.0))


def test_at_a_scale_arms_carry_its_name():
    assert {*pair("rope@large", "learned@large", scale="large").weights.values()} == {1.0, -1.0}
    for contrast in effects(LEVELS, scale="large"):
        assert all(arm.endswith("@large") for arm in contrast.weights)
        assert contrast.name.endswith("@ large")
