"""Every run of a sweep, with its package and the command that trains it again.

Design choices:
- one row a run, in the order of the plan, whatever became of it: what diverged is here as well;
- a command names the folder as a sweep lays it out, `experiments/<name>`: the report is the same
  however the folder was reached, and tells nothing of the disk it lies on;
- a link leads from the folder `report` to the package where a sweep puts it, and is relative: it
  holds as long as `experiments` and `artifacts` stay side by side, and is left out where they do
  not.
"""

import shlex
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from lab.report.collect import Sweep
from lab.report.judging.tuned import numbers
from lab.report.records import Record
from lab.report.tables.table import Show, Table, decimals, whole
from lab.report.terms import column, quantity


def run_table(sweep: Sweep) -> Table | None:
    """The table `runs`; None before a run was ordered."""
    question, runs, records = sweep.question, sweep.runs(), sweep.records()
    if runs.empty:
        return None
    endpoint, metric = column(question.endpoint), column(question.tuning_metric)
    confirmed = (runs["phase"] == "confirm").to_numpy()
    judged = np.where(confirmed, numbers(runs, endpoint), numbers(runs, metric))
    timing = sweep.timing().set_index("run")["total"]
    frame = pd.DataFrame(
        {
            "Run": runs["run"],
            "Variant": runs["variant"],
            "Phase": runs["phase"],
            "Trial": runs["trial"],
            "Seed": runs["seed"],
            "Status": runs["status"],
            "Judged by": judged,
            "Validation loss": runs["val/loss"],
            "Steps": runs["step"],
            "Seconds": runs["run"].map(timing),
            "Package": runs["package"],
            "To train it again": [command(sweep.name, record) for record in records],
        }
    )
    if frame["Trial"].isna().all():
        frame = frame.drop(columns="Trial")
    shows: dict[str, Show] = {
        "Judged by": decimals(4),
        "Validation loss": decimals(4),
        "Steps": whole,
        "Seconds": decimals(1),
        "Package": lambda name: "package",
    }
    links = {"Package": [_href(sweep, name) for name in runs["package"]]}
    note = "A run is judged by its " + (
        f"{quantity(question.endpoint)} where it confirms, else by its "
        f"{quantity(question.tuning_metric)}."
        if confirmed.any() and question.endpoint != question.tuning_metric
        else f"{quantity(question.tuning_metric)}."
    )
    looks: dict[str, Any] = dict.fromkeys(("Variant", "Phase", "Status", "Package"), "word")
    looks["To train it again"] = "code"
    return Table("runs", frame, shows, note, sortable=True, links=links, looks=looks)


def command(sweep: str, record: Record) -> str | None:
    """What trains this run again, to the same numbers; None before it has begun."""
    if record.status == "planned":
        return None
    path = shlex.quote(f"experiments/{sweep}/runs/{record.run}/config.yaml")
    judged = " --test" if record.order.get("judge") == "test" else ""
    threads = record.order.get("threads", 1)
    return f"python -m lab.train {path}{judged}" + (f" --threads {threads}" if threads > 1 else "")


def _href(sweep: Sweep, package: str | None) -> str | None:
    """Relative to the folder `report`; None where no package is there."""
    if not isinstance(package, str):
        return None
    path = f"artifacts/{sweep.name}/{package}"
    root = sweep.folder.resolve().parent.parent
    return quote(f"../../../{path}/") if (root / path / "manifest.json").is_file() else None
