"""Batched products have the bits of single ones, or are not used."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lab.model import stacked_products
from lab.model.stacked_products import batched, linear, one_by_one, products

SHAPES = [(1, 5, 3, 7), (2, 32, 16, 48), (3, 33, 24, 37), (8, 24, 32, 65), (16, 64, 32, 128)]


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.fixture(params=["tried", "one by one"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "one by one":
        monkeypatch.setattr(stacked_products, "_alike", lambda *kind: False)
    return request.param


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_member_gets_the_bits_of_a_linear_layer_alone(
    way: str, shape: tuple[int, ...], biased: bool, dtype: torch.dtype
) -> None:
    k, m, i, o = shape
    x, weight, bias, upstream = (
        values.to(dtype) for values in (drawn(k, m, i), drawn(k, o, i), drawn(k, o), drawn(k, m, o))
    )
    given = [values.clone().requires_grad_() for values in (x, weight, bias)[: 2 + biased]]
    out = linear(given[0], given[1], given[2] if biased else None)
    found = torch.autograd.grad(out, given, upstream)
    for member in range(k):
        rows = x[member].unsqueeze(0)  # of three axes, as in a model
        alone = [v.clone().requires_grad_() for v in (rows, weight[member], bias[member])]
        expected = F.linear(alone[0], alone[1], alone[2] if biased else None)
        assert torch.equal(out[member], expected[0])
        wanted = torch.autograd.grad(expected, alone[: 2 + biased], upstream[member].unsqueeze(0))
        for got, want in zip(found, wanted, strict=True):
            assert torch.equal(got[member], want.view(got[member].shape))


def test_only_gradients_that_are_asked_for_are_computed() -> None:
    x, weight = drawn(2, 3, 4), drawn(2, 5, 4).requires_grad_()
    (gradient,) = torch.autograd.grad(linear(x, weight, None).sum(), weight)
    torch.testing.assert_close(gradient, x.sum(1, keepdim=True).expand(2, 5, 4))


def test_both_ways_are_one_product_a_member() -> None:
    a, b, bias = drawn(3, 4, 5).double(), drawn(3, 5, 6).double(), drawn(3, 6).double()
    expected = torch.einsum("kij,kjl->kil", a, b) + bias[:, None]
    torch.testing.assert_close(batched(a, b, bias), expected)
    torch.testing.assert_close(one_by_one(a, b, bias), expected)


def test_batched_products_with_other_bits_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacked_products, "batched", lambda a, b, bias=None: batched(a, b) + 1e-6)
    stacked_products._alike.cache_clear()
    a, b = drawn(2, 6, 7), drawn(2, 7, 8)
    found = products(a, b)
    stacked_products._alike.cache_clear()
    assert torch.equal(found, one_by_one(a, b))


def test_quick_products_are_used_where_they_have_the_same_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    products(drawn(2, 6, 7), drawn(2, 7, 8))  # which tries both
    monkeypatch.setattr(stacked_products, "one_by_one", lambda *_: pytest.fail("was not needed"))
    monkeypatch.setattr(stacked_products, "_alike", lambda *kind: True)
    assert products(drawn(2, 6, 7), drawn(2, 7, 8)).shape == (2, 6, 8)
