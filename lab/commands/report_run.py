"""A sweep's report, handed to wandb when the sweep has come to its end.

Design choices:
- what is handed over are plain values and paths, and wandb works in another process: this one
  imports none of it;
- the answer stands whatever becomes of it, so all that can go wrong is a sentence, and whoever
  tires of waiting for it has interrupted nothing else.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from lab.errors import LabError, in_a_line
from lab.files import read_json
from lab.report.collect import Sweep, open_sweep
from lab.report.judging.verdict import Verdict
from lab.report.tables.finished import finished
from lab.report.tables.table import plain
from lab.sweep.apart import ask_apart
from lab.track.wandb_mode import resolve_mode
from lab.track.wandb_report import ReportRun, record_report


def share_report(folder: Path, *, artifacts: Path) -> str | None:
    """Record the report in `folder` in wandb, as the question's tracking says.

    `artifacts` holds the sweep's packages. Returns what went wrong, None where nothing did.
    """
    try:
        sweep = open_sweep(folder)
        config = sweep.question.base.tracking.wandb
        if resolve_mode(config) == "disabled":
            return None
        trouble: str | None = ask_apart(record_report, config, report_run(sweep, artifacts))
        return trouble
    except LabError as error:
        return str(error)
    except KeyboardInterrupt:
        return "it was interrupted"
    except Exception as error:
        return in_a_line(error)


def report_run(sweep: Sweep, artifacts: Path) -> ReportRun:
    """What wandb is told of a sweep whose report has been written."""
    question, name, runs = sweep.question, sweep.folder.resolve().name, sweep.runs()
    drawn = read_json(sweep.folder / "report" / "report.json")["figures"]
    confirmed = finished(question, runs) if question.confirm else runs[:0]
    packages = [artifacts / str(package) for package in confirmed["package"].dropna()]
    verdicts = [*sweep.verdicts(), *sweep.controls()]
    return ReportRun(
        sweep=name,
        plan=str(sweep.plan.get("hash", "")),
        folder=sweep.folder,
        step=int((~runs["status"].isin(("planned", "running"))).sum()),
        config={
            "sweep": name,
            "plan": sweep.plan.get("hash"),
            "rule": sweep.plan.get("rule"),
            "question": question.question,
            "resolved": question.dump(),
        },
        summary=_summary(verdicts),
        verdicts=_rows(verdicts),
        figures={figure["name"]: figure["caption"] for figure in drawn},
        packages=[package for package in packages if (package / "manifest.json").is_file()],
    )


def _summary(verdicts: list[Verdict]) -> dict[str, Any]:
    """Of each verdict its kind, and its difference where there is one."""
    found: dict[str, Any] = {}
    for verdict in verdicts:
        name = verdict.name or verdict.variant  # of a lone variant
        found[f"kind/{name}"] = verdict.kind
        if (difference := plain(verdict.difference)) is not None:
            found[f"difference/{name}"] = difference
    return found


def _rows(verdicts: list[Verdict]) -> list[dict[str, Any]]:
    """A verdict a row, without what takes more than a cell."""
    rows = [plain(asdict(verdict)) for verdict in verdicts]
    wide = {name for row in rows for name, value in row.items() if isinstance(value, dict | list)}
    return [{name: value for name, value in row.items() if name not in wide} for row in rows]
