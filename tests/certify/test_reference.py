"""The formulas of certificates, against numbers that were printed elsewhere."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lab.certify import reference
from lab.config.position import RopePosition
from tests.model.configs import config_of


def test_slopes_as_published() -> None:
    """Press et al. 2022, section 3; for 12 heads, as their code prints them."""
    assert reference.alibi_slopes(8) == [1 / 2**i for i in range(1, 9)]
    assert reference.alibi_slopes(16)[:2] == [2**-0.5, 2**-1]
    assert reference.alibi_slopes(12)[8:] == [2**-0.5, 2**-1.5, 2**-2.5, 2**-3.5]
    assert reference.alibi_slopes(1) == [1 / 256]


def test_sinusoids_at_hand() -> None:
    assert reference.sinusoids(0, 4, theta=100.0) == [0, 1, 0, 1]
    sines = [math.sin(3), math.cos(3), math.sin(0.3), math.cos(0.3)]
    assert reference.sinusoids(3, 4, theta=100.0) == pytest.approx(sines)


def test_a_rotation_at_hand() -> None:
    rope = RopePosition(theta=100.0)
    turned = reference.rotated(np.array([[1.0, 0, 0, 1]] * 2), rope)
    assert turned[0] == pytest.approx([1, 0, 0, 1])
    expected = [math.cos(1), -math.sin(0.1), math.sin(1), math.cos(0.1)]
    assert turned[1] == pytest.approx(expected)


def test_scalings() -> None:
    """Linear scaling by 4: position 8 as 2. NTK: the slowest pair as linear, the fastest kept."""
    plain = reference.rope_angles(2, 8, RopePosition())
    linear = RopePosition.parse({"scaling": {"kind": "linear", "factor": 4.0}})
    assert reference.rope_angles(8, 8, linear) == plain
    ntk = RopePosition.parse({"scaling": {"kind": "ntk", "factor": 4.0}})
    angles = reference.rope_angles(8, 8, ntk)
    assert angles[0] == 8
    assert angles[-1] == pytest.approx(plain[-1])


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu_is_that_of_torch(approximate: str) -> None:
    x = torch.linspace(-5, 5, 101, dtype=torch.float64)
    expected = F.gelu(x, approximate=approximate).numpy()
    np.testing.assert_allclose(reference.gelu(x.numpy(), approximate), expected, atol=1e-14)


@pytest.mark.parametrize("kind", ["layernorm", "rmsnorm"])
def test_norms_are_those_of_torch(kind: str) -> None:
    theirs = {"layernorm": nn.LayerNorm, "rmsnorm": nn.RMSNorm}[kind](6, eps=1e-2).double()
    for parameter in theirs.parameters():
        nn.init.normal_(parameter)
    weights = {name: value.detach().numpy() for name, value in theirs.named_parameters()}
    x = torch.randn(5, 6, dtype=torch.float64)
    config = config_of(norm={"kind": kind, "eps": 1e-2})
    ours = reference.normed(config, weights, x.numpy())
    np.testing.assert_allclose(ours, theirs(x).detach().numpy(), atol=1e-12)
