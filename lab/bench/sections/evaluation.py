"""The loss over a whole split: ours as runs evaluate, the peers' over the same windows in order.

A loop by hand takes them in batches of the size that it trains in.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from lab.bench.measuring import Bench
from lab.bench.ours import source, text_data, token_ids
from lab.bench.peers import huggingface, is_installed, plain
from lab.bench.record import Row
from lab.bench.shapes import LLAMA, NANOGPT, TANH, Shape
from lab.bench.timing import Do
from lab.data.store import TokenizedData
from lab.model.gpt import build_model
from lab.train.evaluation import evaluate

TOKENS = {True: 4096, False: 16_384}  # quick or full


def rows(bench: Bench) -> Iterator[Row]:
    for shape in bench.shapes:
        with TemporaryDirectory() as temporary:
            data = text_data(Path(temporary, "data"), vocab_size=shape.vocab_size)
            for kind in (TANH, LLAMA):
                yield _row(bench, shape, kind, data)


def _row(bench: Bench, shape: Shape, kind: str, data: TokenizedData) -> Row:
    config, device, vocab = shape.config(kind), bench.device, shape.vocab_size
    tokens = TOKENS[bench.quick]
    model = build_model(config, vocab, seed=0).to(device)
    batches = source(data, device, length=shape.length, batch_size=shape.batch, limit=tokens)
    ids = token_ids(data, "val")[:tokens]
    peers: dict[str, Do] = {}
    if is_installed(huggingface.NAME):
        peers[huggingface.NAME] = plain.Loop(
            huggingface.build(kind, config, vocab).to(device),
            ids,
            batch_size=shape.batch,
            length=shape.length,
            logits=lambda out: out.logits,
        ).evaluate
    if kind != LLAMA:
        own = plain.PlainGPT(kind, config, vocab).to(device)
        loop = plain.Loop(own, ids, batch_size=shape.batch, length=shape.length)
        peers[plain.NAME] = loop.evaluate
    return bench.row(
        f"{shape.name}, {kind}, {tokens:,} tokens",
        lambda: evaluate(model, batches.evaluation("val"), precision="fp32"),
        peers,
        flops=float(config.forward_flops_per_token(vocab) * tokens),
        amount=tokens,
        of="tokens",
        headline=shape is NANOGPT,
    )
