"""A model's forward pass, from token ids to logits, without gradients."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from lab.bench.measuring import Bench
from lab.bench.peers import huggingface, is_installed, plain
from lab.bench.record import Row
from lab.bench.shapes import LLAMA, NANOGPT, TANH, Shape
from lab.bench.timing import Do
from lab.model.gpt import build_model


def rows(bench: Bench) -> Iterator[Row]:
    for shape in bench.shapes:
        for kind in (TANH, LLAMA):
            yield _row(bench, shape, kind)


def _row(bench: Bench, shape: Shape, kind: str) -> Row:
    config, vocab = shape.config(kind), shape.vocab_size
    ids = torch.randint(vocab, (shape.batch, shape.length), device=bench.device)
    peers: dict[str, Do] = {}
    if is_installed(huggingface.NAME):
        peer = huggingface.build(kind, config, vocab).to(bench.device)
        peers[huggingface.NAME] = _pass(peer, ids)
    if kind != LLAMA:
        peers[plain.NAME] = _pass(plain.PlainGPT(kind, config, vocab).to(bench.device), ids)
    return bench.row(
        f"{shape.name}, {kind}",
        _pass(build_model(config, vocab, seed=0).to(bench.device), ids),
        peers,
        flops=float(config.forward_flops_per_token(vocab) * shape.tokens),
        amount=shape.tokens,
        of="tokens",
        headline=shape is NANOGPT,
    )


def _pass(model: nn.Module, ids: Tensor) -> Do:
    model.eval()

    @torch.no_grad()
    def do() -> None:
        model(ids)

    return do
