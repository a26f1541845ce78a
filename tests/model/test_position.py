"""Position encodings against their formulas, in float64."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers.models.bloom.modeling_bloom import build_alibi_tensor
from transformers.models.gpt_neox.modeling_gpt_neox import apply_rotary_pos_emb

from lab.model.position import (
    AlibiPosition,
    FixedSinusoidalPosition,
    LearnedPosition,
    PositionEncoding,
    RotaryPosition,
    alibi_slopes,
    build_position,
)
from tests.model.configs import POSITIONS, config_of


def embedded(encoding: PositionEncoding, x: Tensor, positions: Tensor) -> Tensor:
    return encoding.embed(x, positions, length=int(positions.max()) + 1)


def rotated(encoding: PositionEncoding, heads: Tensor, positions: Tensor | None = None) -> Tensor:
    positions = torch.arange(len(heads)) if positions is None else positions
    rotation = encoding.rotation(positions, length=int(positions.max()) + 1)
    assert rotation is not None
    return rotation.turn(heads)


def rope(rotated: int, *, theta: float = 10_000.0, stretch: float = 1.0) -> RotaryPosition:
    return RotaryPosition(16, rotated, theta=theta, stretch=stretch).double()


@pytest.mark.parametrize("name", POSITIONS)
def test_each_acts_through_one_seam(name: str) -> None:
    encoding = build_position(config_of(position=POSITIONS[name])).double()
    positions = torch.arange(5)
    x = torch.zeros(5, 32, dtype=torch.float64)
    acting = {
        "embed": not torch.equal(embedded(encoding, x, positions), x),
        "rotation": encoding.rotation(positions, length=5) is not None,
        "bias": encoding.bias(positions, positions) is not None,
    }
    seam = {"learned": "embed", "sinusoidal": "embed", "alibi": "bias", "none": None}
    assert [k for k, acts in acting.items() if acts] == [seam.get(name, "rotation")] * (
        name != "none"
    )


def test_learned_vectors_are_added_where_a_token_stands() -> None:
    encoding = LearnedPosition(9, 4)
    x, positions = torch.randn(2, 3, 4), torch.tensor([[5, 6, 7], [0, 1, 8]])
    assert torch.equal(embedded(encoding, x, positions), x + encoding.table.weight[positions])


def test_sinusoids_follow_the_paper() -> None:
    encoding = FixedSinusoidalPosition(50, 6, theta=100.0, amplitude=0.5).double()
    table = embedded(encoding, torch.zeros(50, 6, dtype=torch.float64), torch.arange(50))
    for position in (0, 1, 17, 49):
        for i in range(3):
            angle = position / 100 ** (2 * i / 6)
            expected = (0.5 * math.sin(angle), 0.5 * math.cos(angle))
            found = tuple(table[position, 2 * i : 2 * i + 2].tolist())
            assert found == pytest.approx(expected, abs=1e-14)


def test_sinusoids_are_added_where_a_token_stands() -> None:
    encoding = FixedSinusoidalPosition(9, 4, theta=100.0, amplitude=0.05)
    x = torch.randn(2, 3, 4)
    positions = torch.tensor([[5, 6, 7], [0, 1, 2]])
    table = embedded(encoding, torch.zeros(9, 4), torch.arange(9))
    torch.testing.assert_close(embedded(encoding, x, positions) - x, table[positions])


@settings(deadline=None, max_examples=40, database=None)
@given(
    pairs=st.integers(1, 4),
    rest=st.integers(0, 3),
    theta=st.floats(2.0, 1e6),
    stretch=st.floats(0.25, 16.0),
)
def test_rope_is_a_complex_rotation(pairs: int, rest: int, theta: float, stretch: float) -> None:
    """Of the first numbers of a head; the others stay as they are, bit for bit."""
    dim = 2 * pairs
    heads = torch.randn(9, 3, dim + rest, dtype=torch.float64)
    found = rotated(rope(dim, theta=theta, stretch=stretch), heads)
    angles = torch.arange(9).double()[:, None] / stretch
    angles = angles * theta ** (-torch.arange(0, dim, 2).double() / dim)
    turn = torch.polar(torch.ones_like(angles), angles)[:, None]
    expected = torch.complex(heads[..., :pairs], heads[..., pairs:dim]) * turn
    torch.testing.assert_close(found[..., :pairs], expected.real, rtol=0, atol=1e-12)
    torch.testing.assert_close(found[..., pairs:dim], expected.imag, rtol=0, atol=1e-12)
    assert torch.equal(found[..., dim:], heads[..., dim:])


def test_rope_equals_gpt_neox() -> None:
    heads = torch.randn(9, 3, 12, dtype=torch.float64)
    angles = torch.arange(9).double()[:, None] * 50.0 ** (-torch.arange(0, 8, 2).double() / 8)
    cos, sin = (torch.cat([f(angles)] * 2, dim=-1)[None] for f in (torch.cos, torch.sin))
    theirs, _ = apply_rotary_pos_emb(*[heads.transpose(0, 1)[None]] * 2, cos, sin)
    found = rotated(rope(8, theta=50.0), heads)
    torch.testing.assert_close(found, theirs[0].transpose(0, 1), rtol=0, atol=1e-13)


def test_rope_scores_depend_on_the_offset_only() -> None:
    q, k = torch.randn(2, 8, dtype=torch.float64)
    encoding = rope(8)
    scores = rotated(encoding, q.expand(32, 1, 8))[:, 0] @ rotated(
        encoding, k.expand(32, 1, 8)
    )[:, 0].T  # fmt: skip
    for offset in range(-31, 32):
        diagonal = scores.diagonal(offset)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=0, atol=1e-12)


def test_rope_keeps_lengths() -> None:
    heads = torch.randn(5, 2, 8)
    found = rotated(RotaryPosition(5, 8, theta=10_000.0, stretch=1.0), heads)
    torch.testing.assert_close(found.norm(dim=-1), heads.norm(dim=-1))


def rope_of(**choices: Any) -> RotaryPosition:
    encoding = build_position(config_of(position={"kind": "rope", "theta": 100.0, **choices}))
    assert isinstance(encoding, RotaryPosition)
    return encoding.double()


def angles_of(encoding: RotaryPosition, positions: Tensor) -> Tensor:
    rotation = encoding.rotation(positions, length=int(positions.max()) + 1)
    return torch.atan2(rotation.sin, rotation.cos)[:, 0]


def test_linear_scaling_puts_positions_between_positions() -> None:
    plain, stretched = rope_of(), rope_of(scaling={"kind": "linear", "factor": 4.0})
    heads, fourth = torch.randn(3, 2, 8, dtype=torch.float64), torch.tensor([4, 8, 20])
    torch.testing.assert_close(
        rotated(stretched, heads, fourth), rotated(plain, heads, fourth // 4)
    )
    quarter = angles_of(stretched, torch.tensor([1]))
    torch.testing.assert_close(quarter, angles_of(plain, torch.tensor([1])) / 4)


@pytest.mark.parametrize(("share", "dim"), [(1.0, 8), (0.5, 4)])
def test_ntk_scaling_keeps_the_fastest_and_stretches_the_slowest(share: float, dim: int) -> None:
    plain, scaled = rope_of(share=share), rope_of(share=share, scaling={"kind": "ntk", "factor": 3})
    one = torch.tensor([1])
    ratio = (angles_of(plain, one) / angles_of(scaled, one))[0]
    expected = 3.0 ** (torch.arange(0, dim, 2).double() / (dim - 2))  # 1 at first, 3 at last
    torch.testing.assert_close(ratio, expected)


@pytest.mark.parametrize("n_heads", [1, 2, 3, 5, 6, 8, 12, 16, 25, 40])
def test_alibi_slopes_equal_bloom(n_heads: int) -> None:
    """Their bias of keys at 0, 1, 2 is slope * position; their arithmetic is float32."""
    theirs = build_alibi_tensor(torch.ones(1, 3), n_heads, torch.float32)
    found = alibi_slopes(n_heads)[:, None] * torch.arange(3)
    torch.testing.assert_close(found.float(), theirs.reshape(n_heads, 3), rtol=1e-6, atol=0)


def test_alibi_slopes_of_the_paper() -> None:
    assert alibi_slopes(8).tolist() == [2.0**-n for n in range(1, 9)]
    assert alibi_slopes(3).tolist() == [2.0**-4, 2.0**-8, 2.0**-2]


def test_alibi_lowers_scores_by_distance() -> None:
    encoding = AlibiPosition(8).double()
    queries, keys = torch.tensor([[4, 5], [9, 2]]), torch.tensor([[0, 4, 5], [7, 9, 2]])
    bias = encoding.bias(queries, keys)
    assert bias.shape == (2, 8, 2, 3)
    for row in range(2):
        for head in range(8):
            for q in range(2):
                for k in range(3):
                    distance = queries[row, q] - keys[row, k]
                    assert bias[row, head, q, k] == -(2.0 ** -(head + 1)) * distance
