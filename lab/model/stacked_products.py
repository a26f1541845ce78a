"""Matrix products of many members at once, with the bits that each gives alone.

Design choices:
- one batched product is the quickest way, and on most machines its numbers are those of single
  products to the last bit. Whether they are here is tried on random numbers, once for each shape
  and layout: the order of additions in a product does not depend on what is added;
- where they are not, each member's product is computed by itself, into its place;
- on a GPU, and in what is compiled, there is no such promise and no trial: always one batched
  product;
- the gradients are the very products, in the very layouts, that the gradient of a single linear
  layer asks for.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

SEED = 2718


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x (K, M, i) times each member's weight (K, o, i), transposed, plus its bias (K, o)."""
    return _Linear.apply(x, weight, bias)  # type: ignore[no-any-return, no-untyped-call]


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return products(x, weight.transpose(1, 2), bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        gradient = gradient.contiguous()
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            products(gradient, weight) if of_x else None,
            products(gradient.transpose(1, 2), x) if of_weight else None,
            gradient.sum(1) if of_bias else None,
        )


def products(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """a (K, m, n) times b (K, n, o), plus bias (K, o): one product a member."""
    if a.device.type != "cpu" or torch.compiler.is_compiling() or _alike(*_kind(a, b, bias)):
        return batched(a, b, bias)
    return one_by_one(a, b, bias)


def batched(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    return torch.bmm(a, b) if bias is None else torch.baddbmm(bias.unsqueeze(1), a, b)


def one_by_one(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    found = a.new_empty(len(a), a.shape[1], b.shape[2])
    if bias is None:
        for left, right, out in zip(a.unbind(), b.unbind(), found.unbind(), strict=True):
            torch.mm(left, right, out=out)
    else:
        parts = (a.unbind(), b.unbind(), bias.unbind(), found.unbind())
        for left, right, added, out in zip(*parts, strict=True):
            torch.addmm(added, left, right, out=out)
    return found


Kind = tuple[torch.Size, bool, torch.Size, bool, bool, torch.dtype, int]


def _kind(a: Tensor, b: Tensor, bias: Tensor | None) -> Kind:
    """All that decides which kernel computes a product."""
    flipped = a.stride(1) == 1, b.stride(1) == 1
    added, threads = bias is not None, torch.get_num_threads()
    return a.shape, flipped[0], b.shape, flipped[1], added, a.dtype, threads


@cache
def _alike(
    a: torch.Size,
    a_flipped: bool,
    b: torch.Size,
    b_flipped: bool,
    biased: bool,
    dtype: torch.dtype,
    threads: int,
) -> bool:
    """Whether batched products have the bits of single ones here."""
    generator = torch.Generator().manual_seed(SEED)

    def drawn(shape: torch.Size, flipped: bool) -> Tensor:
        k, rows, columns = shape
        stored = (k, columns, rows) if flipped else (k, rows, columns)
        numbers = torch.randn(stored, generator=generator).to(dtype)
        return numbers.transpose(1, 2) if flipped else numbers

    left, right = drawn(a, a_flipped), drawn(b, b_flipped)
    bias = torch.randn(a[0], b[2], generator=generator).to(dtype) if biased else None
    return torch.equal(batched(left, right, bias), one_by_one(left, right, bias))
