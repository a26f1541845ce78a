"""A supervisor with workers that only pretend: each run takes as long as it is told to, at once."""

import math
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from lab.config.execution import Executed
from lab.config.order import WorkOrder
from lab.config.sweep import SweepConfig
from lab.files import read_json, write_json
from lab.result import result
from lab.stats.decision import decide
from lab.sweep.attempts import NO_SPACE
from lab.sweep.folder import SweepFolder
from lab.sweep.keeper import Keeper
from lab.sweep.orders import Orders
from lab.sweep.plan import Judge, Plan, PlannedRun, Result
from lab.sweep.progress import Display
from lab.sweep.supervisor import Supervisor

Loss = Callable[[WorkOrder], float]


@dataclass(eq=False)
class FakeJob:
    """Ends well when its time has come, without a word when it is stopped or killed.

    `order` is that of its run, the first where it has several.
    """

    folders: Sequence[Path]
    order: WorkOrder
    left: float
    alive: bool = True
    exit_code: int | None = None
    waits: bool = False
    lost: str | None = None

    def is_alive(self) -> bool:
        return self.alive

    def stop(self) -> None:
        self.alive, self.exit_code = False, 0
        for folder in self.folders:
            (folder / "checkpoint").mkdir(exist_ok=True)

    def kill(self) -> None:
        self.alive, self.exit_code = False, -signal.SIGKILL


@dataclass
class FakeLauncher:
    """`seconds` of each run by its order; `fates` gives statuses, or the code that its job ends
    with, by run: then no other of that job has a result, but for one that has diverged. A job takes
    as long as its longest run.

    `interrupt` sends this process a SIGINT once so many runs have been started; `jobs` has the
    runs of each job.
    """

    slots: int
    loss: Loss
    seconds: Callable[[WorkOrder], float] = lambda order: 1.0
    fates: dict[tuple[str, int], Any] = field(default_factory=dict)
    interrupt: int | None = None
    started: list[str] = field(default_factory=list)
    jobs: list[list[str]] = field(default_factory=list)
    busiest: int = 0
    outlives: bool = False
    left: Sequence[FakeJob] = ()
    gathered: int = 1

    def found(self) -> Sequence[FakeJob]:
        return self.left

    def gathers(self, seconds: float | None) -> int:
        return self.gathered

    def start(self, folders: Sequence[Path]) -> FakeJob:
        orders = [WorkOrder.parse(read_json(folder / "order.json")) for folder in folders]
        self.jobs.append([order.run for order in orders])
        for order in orders:
            self.started.append(order.run)
            if len(self.started) == self.interrupt:
                signal.raise_signal(signal.SIGINT)
        hangs = [self.hangs(order) for order in orders]
        seconds = math.inf if any(hangs) else max(map(self.seconds, orders))
        return FakeJob(folders, orders[0], seconds)

    def hangs(self, order: WorkOrder) -> bool:
        fate = self.fates.get(_key(order))
        if isinstance(fate, list) and fate[:1] == ["hang"]:
            return bool(fate.pop(0))
        return bool(fate == "hang")

    def wait(self, jobs: Sequence[Any], *, timeout: float) -> None:
        running = [job for job in jobs if job.alive]
        self.busiest = max(self.busiest, len(running))
        if not running:
            return
        spent = min(job.left for job in running)
        if spent == math.inf:
            return
        for job in running:
            job.left -= spent
            if job.left <= 0:
                job.alive = False
                self._end(job)

    def _end(self, job: FakeJob) -> None:
        orders = [WorkOrder.parse(read_json(folder / "order.json")) for folder in job.folders]
        fates = [self._fate(order) for order in orders]
        job.exit_code = next((fate for fate in fates if isinstance(fate, int)), 0)
        for folder, order, fate in zip(job.folders, orders, fates, strict=True):
            if isinstance(fate, str) and (job.exit_code == 0 or fate == "diverged"):
                self._write(folder, order, fate)

    def _fate(self, order: WorkOrder) -> Any:
        fate = self.fates.get(_key(order), "complete")
        if isinstance(fate, list):
            fate = fate.pop(0) if fate else "complete"
        return NO_SPACE if fate == "full" else fate

    def _write(self, folder: Path, order: WorkOrder, fate: Any) -> None:
        loss, done = self.loss(order), fate == "complete"
        metrics = {"val/loss": loss, "test/loss": loss} if done else {}
        found = result(
            order, fate, step=order.config.train.steps, metrics=metrics,
            initial={"val/loss": 4.0}, evaluations={}, model={}, data={},
            timing={"total": self.seconds(order)}, provenance={}, error=None if done else "x",
        )  # fmt: skip
        write_json(folder / "result.json", found)


def _key(order: WorkOrder) -> tuple[str, int]:
    return order.labels["variant"], order.config.seed


@dataclass
class Crew:
    """What came of a sweep: its folder, whether it was finished, and who was started."""

    folder: SweepFolder
    supervisor: Supervisor
    launcher: FakeLauncher
    finished: bool

    @property
    def schedule(self) -> dict[str, Any]:
        found: dict[str, Any] = read_json(self.folder.path / "schedule.json")
        return found

    @property
    def rounds(self) -> list[list[str]]:
        return [[run.name for run in batch] for batch in self.supervisor.story.rounds]


def settled(question: SweepConfig) -> Judge:
    """As `lab sweep` has it, but for losses that are always there: an arm is settled where all
    that it is compared with is."""

    def judge(runs: Sequence[PlannedRun], results: Mapping[str, Result]) -> set[str]:
        losses: dict[str, list[float]] = {}
        for run in runs:
            if run.phase == "confirm":
                found = results[run.name]["metrics"].get(question.endpoint, math.inf)
                losses.setdefault(run.variant, []).append(found)
        going = set[str]()
        for contrast in question.contrasts:
            pairs = list(zip(losses[contrast.a], losses[contrast.b], strict=False))
            d = [a - b for a, b in pairs]
            margin = question.confirm.margin if question.confirm else None
            if math.isfinite(sum(d)) and not decide(d, alpha=0.01, margin=margin).settled:
                going |= contrast.weights.keys()
        return question.arms.keys() - going

    return judge


def sweep(path: Path, plan: Plan, launcher: FakeLauncher, **more: Any) -> Crew:
    """Run, or continue, a plan in a folder."""
    made = supervisor(path, plan, launcher, **more)
    return Crew(made.folder, made, launcher, made.run())


def supervisor(
    path: Path, plan: Plan, launcher: FakeLauncher, *, members: int = 0, **more: Any
) -> Supervisor:
    """With `members`, runs go in cohorts of up to so many."""
    executed = Executed(kind="cohort", members=members) if members else Executed()
    folder, question = SweepFolder(path), plan.question
    path.mkdir(parents=True, exist_ok=True)
    console = Console(file=StringIO())
    data = dict.fromkeys(question.arms)
    return Supervisor(
        Orders(plan, folder, path / "artifacts", data, more.pop("device", "cpu"), executed),
        launcher=launcher,
        display=Display(objective=question.objectives[0], console=console),
        on_advance=Keeper(folder, "the plan's hash"),
        **more,
    )
