"""Which runs an observer has lost, told once for all: each run has its warning in its own log."""

from collections.abc import Iterable
from pathlib import Path

from lab.log import LINES, read_log

LOST = "tracking failed"  # the event in a run's log, with its `error`


def tracking_trouble(run_folders: Iterable[Path]) -> str | None:
    """A sentence about the runs that wandb has not got to their end; None where it has all."""
    found = {folder: error for folder in run_folders if (error := _first_error(folder))}
    if not found:
        return None
    runs = "1 run" if len(found) == 1 else f"{len(found)} runs"
    folder, error = next(iter(found.items()))
    return (
        f"wandb failed in {runs}, of which metrics.csv has every number and wandb has not: "
        f"{folder.name}: {error}"
    )


def _first_error(folder: Path) -> str | None:
    records = read_log(folder / LINES)
    return next((str(r.get("error")) for r in records if r.get("event") == LOST), None)
