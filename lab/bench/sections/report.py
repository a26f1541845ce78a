"""The report of a finished sweep, all imports included, over runs whose results are made up."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from lab.bench.finished_sweep import made_up
from lab.bench.measuring import Bench
from lab.bench.record import Row
from lab.bench.report_cost import measured
from lab.bench.spread import spread


def rows(bench: Bench) -> Iterator[Row]:
    trials, seeds, rounds = (5, 4, 1) if bench.quick else (50, 46, 3)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary, "many")
        bench.tell("making a sweep up")
        n_runs = made_up(folder, trials=trials, seeds=seeds)
        bench.tell(f"{n_runs:,} runs")
        found = [measured(folder) for _ in range(rounds)]
    yield Row(
        name=f"{n_runs:,} runs",
        rounds=rounds,
        ours=spread([each["seconds"] for each in found]),
        amount=n_runs,
        of="runs",
        values={
            "memory, bytes": max(each["memory"] for each in found),
            "page, bytes": found[-1]["page"],
        },
        headline=True,
    )
