"""Runs of one shape trained as one batched model, against one of them trained alone, in eager mode.

Times are of a member's step, so that a ratio of 0.1 is ten times the tokens. Beside them stand the
loss of the first member and that of the same run alone after as many steps, and on a GPU the
memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from lab.bench.measuring import Bench
from lab.bench.ours import ENDLESS, Run, run, text_data
from lab.bench.record import Row
from lab.bench.shapes import NANOGPT, TANH, Shape
from lab.data.store import TokenizedData
from lab.model.stack import stack
from lab.train.cohort import Cohort

MEMBERS = {
    ("cpu", True): (1, 4),
    ("cpu", False): (1, 4, 16),
    ("cuda", True): (1, 16, 64),
    ("cuda", False): (1, 4, 16, 64, 256),
}
STEPS = 20  # after which losses are told


@dataclass(frozen=True)
class Together:
    """Runs under way as one."""

    runs: list[Run]
    cohort: Cohort

    def step(self) -> None:
        """One turn of the training loop for all."""
        self.cohort.step(self.runs[0].member.state.step + 1)
        for each in self.runs:
            each.member.judge()
            each.member.save(goal=ENDLESS, stopping=False)


def rows(bench: Bench) -> Iterator[Row]:
    kind = bench.device.type if bench.on_gpu else "cpu"
    shapes = [NANOGPT] if NANOGPT in bench.shapes else bench.shapes
    precisions = ("fp32", "bf16") if bench.on_gpu and not bench.without_bf16() else ("fp32",)
    for shape in shapes:
        with TemporaryDirectory() as temporary:
            data = text_data(Path(temporary, "data"), vocab_size=shape.vocab_size)
            for precision in precisions:
                for members in MEMBERS[kind, bench.quick]:
                    yield _row(bench, shape, data, members, precision)


def _row(bench: Bench, shape: Shape, data: TokenizedData, members: int, precision: str) -> Row:
    bench.tell(f"{members} members")
    config, device = shape.config(TANH), bench.device

    def one(seed: int) -> Run:
        return run(
            config,
            data,
            batch_size=shape.batch,
            device=device,
            precision=precision,
            seed=seed,
        )

    alone = one(0)
    if bench.on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
    runs = [one(seed) for seed in range(members)]
    together = Together(runs, Cohort([each.member for each in runs], stack=stack))
    for _ in range(STEPS):
        together.step()
    values = {"loss": runs[0].member.last_row["train/loss"]}
    if bench.on_gpu:
        bench.settle()
        values["memory, bytes"] = float(torch.cuda.max_memory_allocated(device) - before)
    for _ in range(STEPS):
        alone.step()
    values["loss alone"] = alone.member.last_row["train/loss"]
    return bench.row(
        f"{shape.name}, {members} member{'s' * (members > 1)}, {precision}",
        together.step,
        {"alone, eager": alone.step},
        precision=precision,
        flops=float(config.flops_per_token(shape.vocab_size) * shape.tokens),
        amount=shape.tokens,
        of="tokens",
        each=members,
        values=values,
        headline=True,
    )
