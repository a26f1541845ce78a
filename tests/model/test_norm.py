"""Norms against PyTorch's own and against the statistics that they promise."""

import pytest
import torch
from torch import nn

from lab.model.norm import LayerNorm, RMSNorm, build_norm
from tests.model.configs import config_of


def test_layernorm_equals_torch() -> None:
    ours, theirs = LayerNorm(12, eps=1e-3, bias=True), nn.LayerNorm(12, eps=1e-3)
    with torch.no_grad():
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            mine.normal_()
            other.copy_(mine)
    x = torch.randn(4, 5, 12)
    torch.testing.assert_close(ours(x), theirs(x))


def test_rmsnorm_equals_torch() -> None:
    ours, theirs = RMSNorm(12, eps=1e-3), nn.RMSNorm(12, eps=1e-3)
    with torch.no_grad():
        theirs.weight.copy_(ours.weight.normal_())
    x = torch.randn(4, 5, 12)
    torch.testing.assert_close(ours(x), theirs(x))


def test_statistics() -> None:
    x = torch.randn(100, 64, generator=torch.Generator().manual_seed(0)) * 7 + 3
    centred = LayerNorm(64, eps=1e-9, bias=False)(x)
    torch.testing.assert_close(centred.mean(-1), torch.zeros(100), rtol=0, atol=1e-5)
    torch.testing.assert_close(centred.var(-1, correction=0), torch.ones(100))
    scaled = RMSNorm(64, eps=1e-9)(x)
    torch.testing.assert_close(scaled.square().mean(-1), torch.ones(100))
    torch.testing.assert_close(scaled.mean().item(), 3 / 58**0.5, rtol=0.05, atol=0)  # not centred


def test_epsilon_guards_zero() -> None:
    for norm in (LayerNorm(8, eps=1e-5, bias=False), RMSNorm(8, eps=1e-5)):
        assert torch.equal(norm(torch.zeros(2, 8)), torch.zeros(2, 8))
        small = torch.full((1, 8), 1e-3)
        small[0, ::2] *= -1
        expected = 1e-3 / (1e-6 + 1e-5) ** 0.5
        torch.testing.assert_close(norm(small).abs(), torch.full((1, 8), expected))


@pytest.mark.parametrize("bias", [False, True])
def test_layernorm_is_built_with_its_choices(bias: bool) -> None:
    norm = build_norm(config_of(norm={"kind": "layernorm", "eps": 0.25}, bias=bias), 6)
    assert isinstance(norm, LayerNorm)
    assert [name for name, _ in norm.named_parameters()] == ["weight", "bias"][: 1 + bias]
    assert (norm.eps, norm.weight.shape) == (0.25, (6,))


def test_rmsnorm_has_no_bias() -> None:
    norm = build_norm(config_of(norm={"kind": "rmsnorm", "eps": 0.25}, bias=True), 6)
    assert isinstance(norm, RMSNorm)
    assert [name for name, _ in norm.named_parameters()] == ["weight"]
    assert norm.eps == 0.25
