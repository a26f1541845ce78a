"""The evaluations of a run, read back from its metrics.csv."""

import csv
import math
from pathlib import Path

from lab.track.csv import METRICS_FILE
from lab.track.table import records


def evaluations(folder: Path) -> dict[str, dict[str, float]]:
    """The finite metrics of every row with a validation loss, by step; none before the first row.

    A row that a killed run has left torn does not count.
    """
    path = folder / METRICS_FILE
    lines = records(path.read_bytes()) if path.is_file() else []
    found = {}
    for row in csv.DictReader(line.decode() for line in lines):
        cells = {name: float(cell) for name, cell in row.items() if "/" in name and cell}
        metrics = {name: value for name, value in cells.items() if math.isfinite(value)}
        if any(name.startswith("val/") for name in metrics):
            found[row["step"]] = metrics
    return found
