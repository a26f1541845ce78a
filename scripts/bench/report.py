"""How long a report over a thousand runs takes, and how much memory.

    python scripts/bench/report.py [--quick] [--keep FOLDER]

Makes up the results of ten variants, each tuned over 50 rates and confirmed with 46 seeds, and of
the reference's twin: 1,006 runs, through the lab's own plan and told as the lab tells them. Then
writes their report in a process of its own and prints its seconds, the most memory it ever had and
the size of the page. Curves have 31 rows.
"""

import argparse
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lab.bench.finished_sweep import made_up
from lab.bench.report_cost import measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a hundred runs")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="make the sweep here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary, "many")
        n_runs = (
            made_up(folder, trials=5, seeds=4)
            if given.quick
            else made_up(folder, trials=50, seeds=46)
        )
        found = measured(folder)
    table = Table("runs", "seconds", "of the processor", "memory, MiB", "page, MB")
    table.add_row(
        f"{n_runs:,}",
        f"{found['seconds']:.1f}",
        f"{found['processor']:.1f}",
        f"{found['memory'] / 2**20:.0f}",
        f"{found['page'] / 1e6:.2f}",
    )
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
