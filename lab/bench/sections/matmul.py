"""Matrix products: the reference of all shares, and those that the models' layers are made of."""

from collections.abc import Iterator

import torch

from lab.bench.measuring import DTYPES, Bench
from lab.bench.record import Row
from lab.bench.shapes import Shape


def rows(bench: Bench) -> Iterator[Row]:
    for precision in DTYPES:
        name = f"square, {bench.width}, {precision}"
        if precision == "bf16" and (why := bench.without_bf16()):
            yield Row(name=name, note=why)
            continue
        yield bench.row(
            name,
            bench.matrix_product(precision),
            precision=precision,
            amount=bench.product_flops,
            of="FLOPs",
            headline=True,
        )
        for shape in bench.shapes:
            yield _of_a_layer(bench, shape, precision)


def _of_a_layer(bench: Bench, shape: Shape, precision: str) -> Row:
    """All tokens of a batch through the first matrix of the MLP."""
    d, tokens = shape.d_model, shape.tokens
    x = torch.randn(tokens, d).to(bench.device, DTYPES[precision])
    w = torch.randn(d, 4 * d).to(bench.device, DTYPES[precision])
    return bench.row(
        f"{shape.name}, {tokens:,} tokens × {d} × {4 * d}, {precision}",
        lambda: x @ w,
        precision=precision,
        flops=2.0 * tokens * d * 4 * d,
        amount=2.0 * tokens * d * 4 * d,
        of="FLOPs",
    )
