"""Work orders: what a worker is told of a run, and where it finds it."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lab.config.execution import ALONE, Executed
from lab.config.launcher import ONE, Several
from lab.config.order import Judge, WorkOrder
from lab.config.shape import shape_of
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
    device: str
    executed: Executed = ALONE
    several: Several = ONE

    @cached_property
    def here(self) -> dict[str, Any]:
        """What this call of the lab runs on, and how many processes of it train a run."""
        return {**facts(), "device": self.device, **self.several.facts}

    def of(self, run: PlannedRun) -> WorkOrder:
        package, data = self._package(run), self._data(run)
        return WorkOrder(
            run=run.name,
            digest=run.digest,
            config=run.config,
            labels={"sweep": self.folder.name, **run.labels},
            settings=run.settings,
            judge=self._judge(run),
            until=run.until,
            threads=self.executed.threads,
            execution=self.executed.kind,
            compiled=self._is_compiled(run),
            data=str(data) if data else None,
            package=str(package) if package else None,
            provenance=self.here,
        )

    def write(self, run: PlannedRun) -> Path:
        """The run's folder, with its order; an answer to an earlier one is taken away."""
        folder = self.folder.run(run.name)
        folder.mkdir(parents=True, exist_ok=True)
        for answer in (RESULT, FAILURE, PROGRESS):
            (folder / answer).unlink(missing_ok=True)
        lay_order(folder, self.of(run))
        return folder

    def alike(self, run: PlannedRun) -> Hashable:
        """What orders have in common that one job carries out as a cohort."""
        shape, compiled = shape_of(run.config), self._is_compiled(run)
        return shape, compiled, self._data(run), self._judge(run), run.until

    def _package(self, run: PlannedRun) -> Path | None:
        """Where the model of a run goes."""
        return (self.artifacts / run.name).absolute() if self.plan.packages(run) else None

    def _judge(self, run: PlannedRun) -> Judge:
        question = self.plan.question
        is_test = run.phase == "confirm" and question.endpoint.startswith("test/")
        return "test" if is_test else "val"

    def _is_compiled(self, run: PlannedRun) -> bool:
        asked = run.config.train.compile
        return self._arm(run) in self.executed.compiled if asked == "auto" else asked

    def _data(self, run: PlannedRun) -> Path | None:
        return self.data[self._arm(run)]

    def _arm(self, run: PlannedRun) -> str:
        return self.plan.question.twins.get(run.variant, run.variant)
