"""Forward and backward through a part of a model, which attention and block have in common."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from lab.bench.measuring import Bench
from lab.bench.peers import huggingface, is_installed, plain
from lab.bench.record import Row
from lab.bench.shapes import KINDS, LLAMA, NANOGPT, TANH, Shape
from lab.bench.timing import Do
from lab.config.model import ModelConfig
from lab.model.context import plain_context
from lab.model.gpt import GPT, build_model

Theirs = Callable[[str, Any], nn.Module]


def both_ways(
    bench: Bench,
    *,
    ours: Callable[[GPT], nn.Module],
    theirs: Theirs,
    by_hand: Callable[[plain.PlainGPT], nn.Module],
    weights: Callable[[ModelConfig], int],
) -> Iterator[Row]:
    """A row a shape and kind; `weights` counts those of the part's matrices."""
    for shape in bench.shapes:
        for kind in (TANH, LLAMA):
            yield _row(bench, shape, kind, ours, theirs, by_hand, weights)


def _row(
    bench: Bench,
    shape: Shape,
    kind: str,
    ours: Callable[[GPT], nn.Module],
    theirs: Theirs,
    by_hand: Callable[[plain.PlainGPT], nn.Module],
    weights: Callable[[ModelConfig], int],
) -> Row:
    config, vocab, device = shape.config(kind), shape.vocab_size, bench.device
    assert kind in KINDS
    x = torch.randn(shape.batch, shape.length, shape.d_model, device=device)
    model = build_model(config, vocab, seed=0).to(device)
    part, position = ours(model), model.position
    peers: dict[str, Do] = {}
    if is_installed(huggingface.NAME):
        peer = theirs(kind, huggingface.build(kind, config, vocab)).to(device)
        peers[huggingface.NAME] = _pass(peer, x, lambda part, x: part(x))
    if kind != LLAMA:
        own = by_hand(plain.PlainGPT(kind, config, vocab)).to(device)
        peers[plain.NAME] = _pass(own, x, lambda part, x: part(x))

    def told(part: nn.Module, x: Tensor) -> Tensor:
        context = plain_context(position, shape.length, window=None, device=device)
        found: Tensor = part(x, context)
        return found

    forward = 2 * (weights(config) + 2 * shape.length * shape.d_model)
    return bench.row(
        f"{shape.name}, {kind}",
        _pass(part, x, told),
        peers,
        flops=3.0 * forward * shape.tokens,
        amount=shape.tokens,
        of="tokens",
        headline=shape is NANOGPT,
    )


def _pass(part: nn.Module, x: Tensor, forward: Callable[[nn.Module, Tensor], Tensor]) -> Do:
    gradient, x = torch.randn_like(x), x.clone().requires_grad_()

    def do() -> None:
        forward(part, x).backward(gradient)  # type: ignore[no-untyped-call]
        part.zero_grad()
        x.grad = None

    return do
