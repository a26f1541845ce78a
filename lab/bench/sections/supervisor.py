"""What the supervisor of a sweep takes of the processor for each finished run.

Its workers only pretend, so nothing but it works; see `lab.bench.pretenders`. No peer does this.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from lab.bench.measuring import Bench
from lab.bench.pretenders import questions, supervised
from lab.bench.record import Row
from lab.bench.spread import spread

RUNS = {True: 100, False: 500}  # of a sweep, quick or full


def rows(bench: Bench) -> Iterator[Row]:
    for name, raw in questions(RUNS[bench.quick]).items():
        bench.tell(name)
        seconds = []
        for _ in range(1 if bench.quick else 3):
            with TemporaryDirectory() as folder:
                ended, spent = supervised(raw, Path(folder, "many"))
            seconds.append(spent / ended)
        yield Row(
            name=f"a run of {ended:,}, {name}",
            rounds=len(seconds),
            ours=spread(seconds),
            amount=1,
            of="runs",
            headline=True,
        )
