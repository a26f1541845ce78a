"""A training step: batch, forward, backward, clipping, AdamW, and what is kept of it.

Ours is the loop that runs go through, with the row that is logged at every tenth step. The peers'
is one as one writes it by hand, with their own batches, AdamW as torch gives it, clipping, and the
loss read at each step. In bf16, ours is set beside what others do in fp32, and under autocast.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from lab.bench.measuring import Bench
from lab.bench.ours import run, text_data, token_ids
from lab.bench.peers import huggingface, is_installed, plain
from lab.bench.record import Row
from lab.bench.shapes import EXACT, LLAMA, NANOGPT, TANH, WIDE, Shape
from lab.bench.timing import Do
from lab.data.store import TokenizedData

ROW = 10  # steps between two rows of a run
SHORT = 128  # width up to which as many steps are one timing


def rows(bench: Bench) -> Iterator[Row]:
    for shape in bench.shapes:
        with TemporaryDirectory() as temporary:
            data = text_data(Path(temporary, "data"), vocab_size=shape.vocab_size)
            for kind in (TANH, EXACT, LLAMA):
                yield _row(bench, shape, kind, data, precision="fp32")
            if why := bench.without_bf16():
                yield Row(name=_name(shape, TANH, "bf16"), note=why)
            else:
                yield _row(bench, shape, TANH, data, precision="bf16")


def _row(bench: Bench, shape: Shape, kind: str, data: TokenizedData, *, precision: str) -> Row:
    config = shape.config(kind)
    ours = run(config, data, batch_size=shape.batch, device=bench.device, precision=precision)
    flops = config.flops_per_token(shape.vocab_size) * shape.tokens
    return bench.row(
        _name(shape, kind, precision),
        ours.step,
        _peers(bench, shape, kind, data, precision),
        precision=precision,
        flops=float(flops),
        amount=shape.tokens,
        of="tokens",
        together=ROW if shape.d_model <= SHORT else 1,
        headline=shape in (NANOGPT, WIDE),
    )


def _peers(
    bench: Bench, shape: Shape, kind: str, data: TokenizedData, precision: str
) -> dict[str, Do]:
    config, ids, found = shape.config(kind), token_ids(data), dict[str, Do]()
    for bf16 in (False,) if precision == "fp32" else (False, True):
        added = "" if precision == "fp32" else " in bf16" if bf16 else " in fp32"
        if is_installed(huggingface.NAME):
            peer = huggingface.build(kind, config, shape.vocab_size).to(bench.device)
            found[huggingface.NAME + added] = plain.Loop(
                peer,
                ids,
                batch_size=shape.batch,
                length=shape.length,
                logits=lambda out: out.logits,
                bf16=bf16,
            ).step
        if kind != LLAMA:
            own = plain.PlainGPT(kind, config, shape.vocab_size).to(bench.device)
            found[plain.NAME + added] = plain.Loop(
                own, ids, batch_size=shape.batch, length=shape.length, bf16=bf16
            ).step
    return found


def _name(shape: Shape, kind: str, precision: str) -> str:
    return f"{shape.name}, {kind}, {precision}"
