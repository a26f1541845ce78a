"""Where cohorts pay on a CPU: the time of a member's step in a cohort, and of the run's alone.

    python scripts/bench/cohort.py [--quick] [--layers 2] [--rounds 7]

For some widths, batches and numbers of members: both loops with their rows, in turn, on one thread,
in processor time. A ratio below 1 says that a cohort is quicker than the same runs one after the
other. `--quick` shows only that it still works.
"""

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from rich.console import Console
from rich.table import Table

from lab.bench.ours import Run, run, text_data
from lab.bench.sections.cohort import Together
from lab.bench.spread import ratios, spread
from lab.bench.timing import in_turn
from lab.config.model import ModelConfig
from lab.data.store import TokenizedData
from lab.model.stack import stack
from lab.provenance.hardware import hardware
from lab.train.cohort import Cohort

WIDTHS = (32, 64, 128)
BATCHES = ((2, 16), (4, 32), (12, 64))  # windows of so many tokens
MEMBERS = (1, 4, 16, 64)
VOCABULARY = 65
LARGEST = 2**20  # numbers of a layer's states, above which more members are no news
AT_LEAST, MOST = 0.1, 40.0  # seconds of a timing, and of all those of a row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    before = os.getloadavg()[0]
    table = Table("width", "batch", "members", "alone, ms", "in a cohort, ms", "ratio", "quartiles")
    with TemporaryDirectory() as temporary:
        data = text_data(Path(temporary, "data"), vocab_size=VOCABULARY)
        for width, batch, members in _cells(quick=asked.quick):
            config = ModelConfig.parse(
                {
                    "n_layers": asked.layers,
                    "n_heads": 4,
                    "d_model": width,
                    "max_seq_len": batch[1],
                    "norm": {"kind": "rmsnorm"},
                }
            )
            table.add_row(*_measured(config, data, batch[0], members, rounds=asked.rounds))
    console = Console(highlight=False, width=110)
    console.print(
        f"{hardware()['processor']}, 1 thread; torch {torch.__version__}; layers: {asked.layers}; "
        f"load {before:.1f} before, {os.getloadavg()[0]:.1f} after"
    )
    console.print(table)


def _cells(*, quick: bool) -> Iterator[tuple[int, tuple[int, int], int]]:
    if quick:
        yield 32, BATCHES[0], 4
        return
    for width in WIDTHS:
        for batch in BATCHES:
            for members in MEMBERS:
                if members * batch[0] * batch[1] * width <= LARGEST or members <= MEMBERS[1]:
                    yield width, batch, members


def _measured(
    config: ModelConfig, data: TokenizedData, batch_size: int, members: int, *, rounds: int
) -> tuple[str, ...]:
    def one(seed: int) -> Run:
        return run(config, data, batch_size=batch_size, device=torch.device("cpu"), seed=seed)

    alone, runs = one(0), [one(seed) for seed in range(members)]
    together = Together(runs, Cohort([each.member for each in runs], stack=stack))
    seconds = in_turn(
        {"alone": alone.step, "together": together.step},
        rounds=rounds,
        at_least=AT_LEAST,
        most=MOST,
        clock=time.thread_time,
    )
    shares = [taken / members for taken in seconds["together"]]
    ratio = ratios(shares, seconds["alone"])
    return (
        str(config.d_model),
        f"{batch_size} × {config.max_seq_len}",
        str(members),
        f"{spread(seconds['alone']).median * 1e3:.2f}",
        f"{spread(shares).median * 1e3:.2f}",
        f"{ratio.median:.2f}",
        f"{ratio.lower:.2f} to {ratio.upper:.2f}",
    )


if __name__ == "__main__":
    main()
