"""Position encodings against their formulas."""

import math

import torch

from lab.model.position import FixedSinusoidalPosition, RotaryPosition


def test_sinusoids_follow_the_paper() -> None:
    encoding = FixedSinusoidalPosition(50, 6, theta=100.0, amplitude=0.5)
    x = torch.zeros(50, 6)
    table = encoding.embed(x, torch.arange(50))
    for position in (0, 1, 17, 49):
        for i in range(3):
            angle = position / 100 ** (2 * i / 6)
            assert math.isclose(table[position, 2 * i], 0.5 * math.sin(angle), abs_tol=1e-6)
            assert math.isclose(table[position, 2 * i + 1], 0.5 * math.cos(angle), abs_tol=1e-6)


def test_sinusoids_are_added_where_a_token_stands() -> None:
    encoding = FixedSinusoidalPosition(9, 4, theta=100.0, amplitude=0.05)
    x = torch.randn(2, 3, 4)
    positions = torch.tensor([[5, 6, 7], [0, 1, 2]])
    moved = encoding.embed(x, positions) - x
    table = encoding.embed(torch.zeros(9, 4), torch.arange(9))
    torch.testing.assert_close(moved, table[positions])


def test_rope_is_a_complex_rotation() -> None:
    encoding = RotaryPosition(9, 8, theta=50.0)
    heads = torch.randn(2, 9, 3, 8, dtype=torch.float64)
    rotated = encoding.rotate(heads)
    angles = torch.arange(9.0).double()[:, None] * 50.0 ** (-torch.arange(0, 8, 2).double() / 8)
    turn = torch.polar(torch.ones_like(angles), angles)[:, None]
    expected = torch.complex(heads[..., :4], heads[..., 4:]) * turn
    torch.testing.assert_close(rotated[..., :4], expected.real, rtol=0, atol=1e-6)
    torch.testing.assert_close(rotated[..., 4:], expected.imag, rtol=0, atol=1e-6)


def test_rope_scores_depend_on_the_offset_only() -> None:
    encoding = RotaryPosition(32, 8, theta=10_000.0)
    q, k = torch.randn(2, 8, dtype=torch.float64)
    q_rotated = encoding.rotate(q.expand(32, 1, 8)).squeeze(1)
    k_rotated = encoding.rotate(k.expand(32, 1, 8)).squeeze(1)
    scores = q_rotated @ k_rotated.T
    for offset in range(32):
        diagonal = scores.diagonal(-offset)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=0, atol=1e-5)


def test_rope_keeps_lengths() -> None:
    heads = torch.randn(5, 2, 8)
    rotated = RotaryPosition(5, 8, theta=10_000.0).rotate(heads)
    torch.testing.assert_close(rotated.norm(dim=-1), heads.norm(dim=-1))
