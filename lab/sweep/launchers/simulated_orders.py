"""Orders that nobody carries out: for the simulated launcher, as short as it needs them."""

from functools import cached_property
from pathlib import Path
from typing import Any

from lab.files import write_json
from lab.run_folder import ORDER, RESULT
from lab.sweep.attempts import FAILURE
from lab.sweep.orders import Orders
from lab.sweep.plan import PlannedRun


class SimulatedOrders(Orders):
    """They ask for no package, and lie alone: there is nothing to tell of what they run on."""

    @cached_property
    def here(self) -> dict[str, Any]:
        return {"device": self.device}

    def write(self, run: PlannedRun) -> Path:
        folder = self.folder.run(run.name)
        folder.mkdir(parents=True, exist_ok=True)
        for answer in (RESULT, FAILURE):
            (folder / answer).unlink(missing_ok=True)
        write_json(folder / ORDER, self.of(run).dump())
        return folder

    def _package(self, run: PlannedRun) -> None:
        return None
