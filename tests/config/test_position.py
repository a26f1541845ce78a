"""Shares and scalings of rotations: what they come to, refusals, and searches over them."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.position import LinearScaling, NoScaling, NtkScaling, RopePosition
from tests.config.asked import BASE, load, refused_model, space_fault
from tests.model.configs import config_of

FACTOR = "model.position.scaling.factor"
FACTORS = {"low": 1, "high": 8, "log": True}


@settings(deadline=None, max_examples=60, database=None)
@given(pairs=st.integers(1, 64), rest=st.integers(0, 64))
def test_any_whole_number_of_pairs_may_be_rotated(pairs: int, rest: int) -> None:
    """Also where its share is written with six digits."""
    head_dim = 2 * pairs + rest
    assert RopePosition(share=2 * pairs / head_dim).rotated(head_dim) == 2 * pairs
    assert RopePosition(share=float(f"{2 * pairs / head_dim:.6g}")).rotated(head_dim) == 2 * pairs


@settings(deadline=None, max_examples=100, database=None)
@given(head_dim=st.integers(2, 160), share=st.floats(0.001, 1))
def test_shares_that_are_advised_are_taken(head_dim: int, share: float) -> None:
    try:
        assert RopePosition(share=share).rotated(head_dim) % 2 == 0
    except ValueError as error:
        advised = re.findall(r"[\d.]+", str(error).partition("try share=")[2])
        assert advised
        for other in advised:
            assert RopePosition(share=float(other)).rotated(head_dim) in range(2, head_dim + 1, 2)


def test_scalings() -> None:
    assert NoScaling().frequency(100.0, 8) == (100.0, 1.0)
    assert LinearScaling(factor=4.0).frequency(100.0, 8) == (100.0, 4.0)
    theta, stretch = NtkScaling(factor=4.0).frequency(100.0, 8)
    assert (theta, stretch) == (pytest.approx(100 * 4 ** (8 / 6)), 1.0)


def test_only_learned_positions_have_parameters() -> None:
    for kind in ("learned", "sinusoidal", "rope", "alibi", "none"):
        position = config_of(position={"kind": kind}).position
        assert position.n_params(max_seq_len=7, d_model=4) == 28 * (kind == "learned")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no pairs": (
        {"position": {"kind": "rope", "share": 0.3}},
        "RoPE rotates pairs, and share=0.3 of head_dim=8 is 2.4 numbers; try share=0.25 or 0.5 or "
        "another d_model",
    ),
    "an odd head": (
        {"d_model": 36, "position": {"kind": "rope"}},
        "RoPE rotates pairs, and share=1 of head_dim=9 is 9 numbers; try share=0.888889 or another "
        "d_model",
    ),
    "a head of one": (
        {"n_heads": 32, "position": {"kind": "rope"}},
        "RoPE rotates pairs, and share=1 of head_dim=1 is 1 numbers; try a head_dim of at least 2",
    ),
    "one pair": (
        {"position": {"kind": "rope", "share": 0.25, "scaling": {"kind": "ntk", "factor": 2.0}}},
        "NTK scaling spreads over several pairs, and here is only one; rotate at least 4 numbers, "
        "or take linear scaling",
    ),
    "share": (
        {"position": {"kind": "rope", "share": 1.5}},
        "position.share: input should be less than or equal to 1; got 1.5",
    ),
    "theta": (
        {"position": {"kind": "rope", "theta": 1}},
        "position.theta: input should be greater than 1; got 1",
    ),
    "amplitude": (
        {"position": {"kind": "sinusoidal", "amplitude": 0}},
        "position.amplitude: input should be greater than 0; got 0",
    ),
    "factor": (
        {"position": {"kind": "rope", "scaling": {"kind": "linear", "factor": 0}}},
        "position.scaling.factor: input should be greater than 0; got 0",
    ),
    "no factor": (
        {"position": {"kind": "rope", "scaling": {"kind": "ntk"}}},
        "position.scaling.factor: required, but missing",
    ),
    "a factor of nothing": (
        {"position": {"kind": "rope", "scaling": {"kind": "none", "factor": 2.0}}},
        "position.scaling.factor: unknown key; valid: kind",
    ),
    "scaling misspelt": (
        {"position": {"kind": "rope", "scaling": {"kind": "lineer", "factor": 2.0}}},
        "position.scaling: unknown kind 'lineer'; did you mean 'linear'?",
    ),
    "a scaling of no kind": (
        {"position": {"kind": "rope", "scaling": {"factor": 2.0}}},
        "position.scaling: needs a kind, such as {kind: none or linear or ntk}; got "
        "{'factor': 2.0}",
    ),
    "a word for a scaling": (
        {"position": {"kind": "rope", "scaling": "linear"}},
        "position.scaling: must be a mapping of keys to values; got 'linear'",
    ),
    "key misspelt": (
        {"position": {"kind": "rope", "scalling": {"kind": "none"}}},
        "position.scalling: unknown key; did you mean 'scaling'?",
    ),
    "theta of ALiBi": (
        {"position": {"kind": "alibi", "theta": 5.0}},
        "position.theta: unknown key; valid: kind",
    ),
    "kind misspelt": (
        {"position": {"kind": "alibbi"}},
        "position: unknown kind 'alibbi'; did you mean 'alibi'?",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    choices, sentence = REFUSED[name]
    assert refused_model(**choices) == sentence


def base_of(position: dict[str, Any]) -> dict[str, Any]:
    return {**BASE, "model": {**BASE["model"], "position": position}}


def test_a_factor_is_searched_where_there_is_one(tmp_path: Path) -> None:
    scaled = base_of({"kind": "rope", "scaling": {"kind": "linear", "factor": 2.0}})
    assert load(tmp_path, {"space": {FACTOR: FACTORS}}, base=scaled).tune is not None
    kinds = {
        "plain": {"model.position": {"kind": "rope"}},
        "scaled": {"model.position": {"kind": "rope", "scaling": {"kind": "ntk"}}},
    }
    met = {FACTOR: {**FACTORS, "when": {"scaling": "scaled"}}, "scaling": kinds}
    assert load(tmp_path, {"space": met}).tune is not None
    assert space_fault(tmp_path, {FACTOR: FACTORS, "scaling": kinds}) == (
        f"tune.space.{FACTOR}: there is no such setting where scaling is plain; give it the "
        "condition when: {scaling: [scaled]}"
    )
    near = space_fault(tmp_path, {"model.position.scaling.factr": FACTORS})
    assert near.endswith(f"not a number of this run; did you mean '{FACTOR}'?")


def test_sections_within_sections_are_chosen_by_fragments(tmp_path: Path) -> None:
    said = space_fault(tmp_path, {"model.position.scaling": ["none", "linear"]})
    assert "a section has no plain values; choose between fragments" in said
