"""What `train.compile` costs once and saves at every step: ours compiled against ours as usual."""

import time
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from lab.bench.measuring import Bench
from lab.bench.ours import run, text_data
from lab.bench.record import Row
from lab.bench.shapes import NANOGPT, TANH


def rows(bench: Bench) -> Iterator[Row]:
    shape = NANOGPT if NANOGPT in bench.shapes else bench.shapes[0]
    name = f"{shape.name}, {TANH}, fp32"
    if why := _not_here(bench):
        yield Row(name=name, note=why)
        return
    from torch._inductor.utils import fresh_cache  # takes seconds

    bench.tell("compiling")
    config = shape.config(TANH)
    with TemporaryDirectory() as temporary:
        data = text_data(Path(temporary, "data"), vocab_size=shape.vocab_size)
        usual, compiled = (
            run(config, data, batch_size=shape.batch, device=bench.device, compiled=compiled)
            for compiled in (False, True)
        )
        with fresh_cache():  # as on a machine that has never compiled it
            since = time.perf_counter()
            compiled.step()
            bench.settle()
            first = time.perf_counter() - since
        yield bench.row(
            name,
            compiled.step,
            {"not compiled": usual.step},
            flops=float(config.flops_per_token(shape.vocab_size) * shape.tokens),
            amount=shape.tokens,
            of="tokens",
            together=10,
            values={"seconds until the first compiled step has ended": first},
        )


def _not_here(bench: Bench) -> str | None:
    if bench.quick:
        return "not measured: compiling takes a minute; --full has it"
    if not bench.on_gpu and not any(map(which, ("c++", "g++", "clang++"))):
        return "not measured: torch.compile needs a C++ compiler, and there is none"
    return None
