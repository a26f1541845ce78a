"""What a sweep found, as one wandb run: verdicts, figures, the models behind them, the report.

Design choices:
- one run a plan: its id is made of the sweep's name and the plan's hash, so that a sweep that is
  continued updates its report, and a changed question begins another; job type: report;
- its step is how many runs have ended: reports of an offline sweep that are synced one after the
  other stand in that order, and none hides another;
- packages are the artifacts that their own runs recorded, named alike, so nothing is stored twice;
  the report itself is copied, since the next report replaces its files;
- a report that was recorded is not recorded again;
- whatever goes wrong is told once and holds up nobody: see `lab/track/wandb.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lab.config.digest import digest
from lab.config.tracking import WandbConfig
from lab.files import sha256_file, write_text
from lab.track.background import Background
from lab.track.wandb_mode import resolve_mode
from lab.track.wandb_server import reachable
from lab.track.wandb_session import (
    borrow_environment,
    give_back_environment,
    let_go,
    log_package,
    open_run,
    safe_name,
)


@dataclass(frozen=True)
class ReportRun:
    """A report as plain values and files, which another process can be handed.

    `folder` is the sweep's; `verdicts` are rows of plain values, all with the same keys; `figures`
    map a name to a caption, and lie in `folder`/report as PNG files.
    """

    sweep: str
    plan: str
    folder: Path
    step: int
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    verdicts: Sequence[Mapping[str, Any]]
    figures: Mapping[str, str]
    packages: Sequence[Path]
    files: Sequence[str] = ("index.html", "report.json")

    @property
    def run_id(self) -> str:
        return safe_name(f"{self.sweep}-report-{self.plan[:8]}")


def record_report(
    config: WandbConfig, report: ReportRun, *, finish_timeout: float = 60.0
) -> str | None:
    """Record it in wandb, at most for so many seconds; returns what went wrong, None if nothing.

    Call it in a process of its own: it imports wandb.
    """
    trouble: list[BaseException] = []
    borrowed = borrow_environment(report.folder / "wandb")
    thread = Background(name="lab-wandb-report", on_error=trouble.append)
    thread.put(partial(_record_once, config, report, finish_timeout))
    if not thread.close(timeout=finish_timeout):
        late = f"not finished in {finish_timeout:g} s; `wandb sync {report.folder}/wandb/*run-*` "
        trouble.append(TimeoutError(late + "sends what is missing"))
    if trouble:
        let_go()
    give_back_environment(borrowed)
    if not trouble:
        return None
    return f"{type(trouble[0]).__name__}: {' '.join(str(trouble[0]).split())}"


def _record_once(config: WandbConfig, report: ReportRun, finish_timeout: float) -> None:
    recorded, identity = report.folder / "wandb" / "reported", _identity(config, report)
    if recorded.is_file() and recorded.read_text(encoding="utf-8").strip() == identity:
        return
    _record(reachable(config), report, finish_timeout)
    write_text(recorded, f"{identity}\n")


def _record(config: WandbConfig, report: ReportRun, finish_timeout: float) -> None:
    place = {
        "run_id": report.run_id,
        "run_name": "report",
        "run_group": report.sweep,
        "run_job_type": "report",
        "run_tags": (report.sweep[:64],),
    }
    wandb, run = open_run(
        config,
        folder=report.folder,
        content=report.config,
        place=place,
        finish_timeout=finish_timeout,
    )
    shown: dict[str, Any] = {
        f"figures/{name}": wandb.Image(str(_file(report, f"{name}.png")), caption=caption)
        for name, caption in report.figures.items()
    }
    if report.verdicts:
        columns = list(report.verdicts[0])
        rows = [[row[column] for column in columns] for row in report.verdicts]
        shown["verdicts"] = wandb.Table(columns=columns, data=rows)
    if shown:
        run.log(shown, step=report.step)
    run.summary.update(dict(report.summary))
    for package in report.packages:
        log_package(wandb, run, package, name=f"{report.sweep}-{package.name}")
    page = wandb.Artifact(safe_name(f"{report.sweep}-report"), type="report")
    for name in report.files:
        page.add_file(str(_file(report, name)), policy="mutable")
    run.log_artifact(page)
    run.finish(exit_code=0)
    wandb.teardown()  # else its helper process outlives this one by a second or two


def _identity(config: WandbConfig, report: ReportRun) -> str:
    """The same for a report that says the same, recorded in the same way."""
    files = [sha256_file(_file(report, name)) for name in report.files]
    return digest([resolve_mode(config), config.project, config.entity, report.run_id, files])


def _file(report: ReportRun, name: str) -> Path:
    return report.folder / "report" / name
