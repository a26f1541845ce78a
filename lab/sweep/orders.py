"""Work orders: what a worker is told of a run, and where it finds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lab.config.order import WorkOrder
from lab.provenance.facts import facts
from lab.run_folder import RESULT, lay_order
from lab.sweep.attempts import FAILURE
from lab.sweep.folder import SweepFolder
from lab.sweep.plan import Plan, PlannedRun
from lab.sweep.worker import PROGRESS


@dataclass(frozen=True)
class Orders:
    """Writes the orders of a plan. `data` names the prepared tokens of each arm, None where a task
    needs no such folder."""

    plan: Plan
    folder: SweepFolder
    artifacts: Path
    data: Mapping[str, Path | None]
    threads: int
    device: str

    @cached_property
    def here(self) -> dict[str, Any]:
        """What this call of the lab runs on."""
        return {**facts(), "device": self.device}

    def of(self, run: PlannedRun) -> WorkOrder:
        judge = self.plan.question.endpoint.split("/")[0] if run.phase == "confirm" else "val"
        package = (self.artifacts / run.name).absolute() if self.plan.packages(run) else None
        data = self.data[self.plan.question.twins.get(run.variant, run.variant)]
        return WorkOrder.parse(
            {
                "run": run.name,
                "digest": run.digest,
                "config": run.config.dump(),
                "labels": {"sweep": self.folder.name, **run.labels},
                "settings": run.settings,
                "judge": judge,
                "until": run.until,
                "threads": self.threads,
                "data": str(data) if data else None,
                "package": str(package) if package else None,
                "provenance": self.here,
            }
        )

    def write(self, run: PlannedRun) -> Path:
        """The run's folder, with its order; an answer to an earlier one is taken away."""
        folder = self.folder.run(run.name)
        folder.mkdir(parents=True, exist_ok=True)
        for answer in (RESULT, FAILURE, PROGRESS):
            (folder / answer).unlink(missing_ok=True)
        lay_order(folder, self.of(run))
        return folder
