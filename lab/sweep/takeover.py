"""What a sweep's folder already holds: taken over where it answers what the plan asks.

Design choices:
- runs of other code, another torch, number of threads or kind of execution, finished or not, are
  not quietly mixed with new ones: they are kept, or trained again, only where the user says so;
- a run that failed, or that an earlier plan did not judge as this one does, is begun again.
"""

from contextlib import suppress
from dataclasses import dataclass, field

from lab.config.order import WorkOrder
from lab.errors import SweepError
from lab.files import write_json
from lab.run_folder import ORDER
from lab.sweep.changes import Changed, choose, in_words, since
from lab.sweep.events import note
from lab.sweep.folder import SweepFolder
from lab.sweep.orders import Orders
from lab.sweep.plan import PlannedRun, Result


@dataclass(frozen=True)
class Takeover:
    orders: Orders
    keep: bool
    rerun: bool
    foreign: dict[str, Changed] = field(default_factory=dict)  # runs of other code, by name

    @property
    def folder(self) -> SweepFolder:
        return self.orders.folder

    def result(self, run: PlannedRun, *, whatever: bool = False) -> Result | None:
        """What the folder holds of a run, if it serves; `whatever` came of it, if that is said.

        Raises `SweepError` where it is of other code, and nobody has said what to do about it.
        """
        order = self.folder.order(run.name)
        if order is None:
            return None
        changed = self.changed_since(order)
        if changed:
            self._need_a_word(run, changed)
            self.foreign[run.name] = changed
        if changed and self.rerun:
            self.folder.set_aside(run)
            note("set aside", f"{run.name}: of another {in_words(changed)}", run=run.name)
            return None
        result = self.folder.result(run)
        if result is None or not (whatever or self._answers(run, result)):
            return None
        self._relabel(run, order)
        if result["status"] != "running":
            self.folder.tidy(run.name)
        return result

    def is_new(self, run: PlannedRun) -> bool:
        """Whether a run may be begun, or gone on with, before it is asked for.

        One that has ended, was begun by other code or is damaged is looked at when it is.
        """
        try:
            order = self.folder.order(run.name)
            changed = order is not None and not self.keep and self.changed_since(order)
            return not changed and not self.folder.result(run)
        except SweepError:
            return False

    def changed_since(self, order: WorkOrder) -> Changed:
        """What differs between the code and machine that a run began on and these."""
        executed = self.orders.executed
        here = {"threads": executed.threads, "execution": executed.kind}
        return since(order, {**self.orders.here, **here})

    def _need_a_word(self, run: PlannedRun, changed: Changed) -> None:
        """Raise `SweepError` where nobody has said what to do with runs of other code."""
        if self.keep or self.rerun:
            return
        others = sum(map(self._is_foreign, set(self.folder.begun()) - {run.name}))
        raise SweepError(choose(str(self.folder.run(run.name)), changed, others=others))

    def _is_foreign(self, name: str) -> bool:
        """Whether a run is of other code; one that is damaged is another matter."""
        with suppress(SweepError):
            order = self.folder.order(name)
            return order is not None and bool(self.changed_since(order))
        return False

    def _answers(self, run: PlannedRun, result: Result) -> bool:
        """Whether a result serves the phase that asks: an earlier plan may not have judged it."""
        if result["status"] in ("running", "pruned"):
            return result["status"] == "running" or run.is_done({run.name: result})
        if result["status"] != "complete":
            return bool(result["status"] == "diverged")
        endpoint = self.orders.plan.question.endpoint_of(run.variant)
        return run.phase != "confirm" or endpoint in result["metrics"]

    def _relabel(self, run: PlannedRun, order: WorkOrder) -> None:
        """A run that an earlier plan trained carries the labels of this one."""
        now = self.orders.of(run)
        if (order.labels, order.settings) != (now.labels, now.settings):
            relabelled = order.dump() | {"labels": now.labels, "settings": now.settings}
            write_json(self.folder.run(run.name) / ORDER, relabelled)
