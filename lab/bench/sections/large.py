"""GPT-2 small as a GPU trains it: 124 million parameters, windows of 1024, bf16, compiled.

MFU is as in Chowdhery et al. 2022, appendix B: FLOPs of the model a second, attention over the full
square and nothing computed twice, over what the maker says the GPU can do; beside it stands the
share of the rate of a matrix product that was measured in turn.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from lab.bench.measuring import Bench
from lab.bench.ours import run, text_data, token_ids
from lab.bench.peaks import peak
from lab.bench.peers import plain
from lab.bench.record import Row
from lab.bench.shapes import LARGE, TANH, Shape

PADDED = 50_304  # nanoGPT's vocabulary: GPT-2's, made a multiple of 64
LOGIT = 16  # bytes that a logit takes in all, forward and backward
ROUNDS = 7


def rows(bench: Bench) -> Iterator[Row]:
    if not bench.on_gpu or (why := bench.without_bf16()):
        why = why if bench.on_gpu else "not measured: there is no CUDA device here"
        yield Row(name=f"{LARGE.name}, bf16, compiled", note=why, headline=True)
        return
    memory = torch.cuda.get_device_properties(bench.device).total_memory
    for vocab_size in (LARGE.vocab_size, PADDED):
        yield trained(bench, replace(LARGE, vocab_size=vocab_size), memory=memory)


def trained(bench: Bench, shape: Shape, *, memory: float, compiled: bool = True) -> Row:
    """A training step, in micro-batches that this many bytes suffice for."""
    config, on_gpu = shape.config(TANH), bench.on_gpu
    micro = shape.batch
    while micro > 1 and micro * shape.length * shape.vocab_size * LOGIT > memory / 2:
        micro //= 2
    precision = "bf16" if on_gpu else "fp32"
    with TemporaryDirectory() as temporary:
        data = text_data(Path(temporary, "data"), vocab_size=shape.vocab_size)
        ours = run(
            config,
            data,
            batch_size=shape.batch,
            micro_batch_size=micro,
            device=bench.device,
            precision=precision,
            compiled=compiled,
        )
        values = {"micro-batch": float(micro)}
        if on_gpu:
            torch.cuda.reset_peak_memory_stats(bench.device)
            ours.step()
            bench.settle()
            values["memory, bytes"] = float(torch.cuda.max_memory_allocated(bench.device))
        by_hand = plain.Loop(
            _compiled(plain.PlainGPT(TANH, config, shape.vocab_size).to(bench.device), compiled),
            token_ids(data),
            batch_size=shape.batch,
            length=shape.length,
            bf16=on_gpu,
            micro_batches=shape.batch // micro,
        )
        kind = "compiled" if compiled else "eager"
        row = bench.row(
            f"{shape.name}, vocabulary {shape.vocab_size:,}, {precision}, {kind}",
            ours.step,
            {f"{plain.NAME}, {kind}": by_hand.step},
            precision=precision,
            flops=float(config.flops_per_token(shape.vocab_size) * shape.tokens),
            amount=shape.tokens,
            of="tokens",
            together=1,
            rounds=min(bench.rounds, ROUNDS),
            headline=True,
        )
    return row.replaced({"values": {**values, **_mfu(row, bench.device)}})


def _mfu(row: Row, device: torch.device) -> dict[str, float]:
    most = peak(torch.cuda.get_device_name(device)) if device.type == "cuda" else None
    if most is None or row.flops is None or row.ours is None:
        return {}
    return {"MFU": row.flops / row.ours.median / most, "the maker's FLOPs a second": most}


def _compiled(model: plain.PlainGPT, compiled: bool) -> torch.nn.Module:
    if compiled:
        model.compile()
    return model
