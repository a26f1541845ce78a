"""The one process that decides: what is next, what is finished, when to stop.

Design choices:
- it believes a run finished only when it reads the run's `result.json`, and paused only when it
  reads `reached.json`;
- a round is asked of the plan only when the round before it is complete, so results do not
  depend on the number of workers, nor on how often the sweep was interrupted;
- slots that a round leaves free run ahead on what may be asked for next. What comes of such a run
  lies in its folder, unread, until the plan asks for it; one that nobody will ask for is stopped;
- a signal asks the workers to save and end; a second one ends them at once;
- it never imports torch.
"""

import os
import shutil
import signal
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.config.order import WorkOrder
from lab.config.yaml12 import dump_yaml
from lab.errors import SweepError
from lab.files import read_json, write_json, write_text
from lab.provenance import facts, identity
from lab.result import failure
from lab.sweep.folder import SweepFolder
from lab.sweep.launcher import Job, Launcher
from lab.sweep.plan import Plan, PlannedRun, Result
from lab.sweep.progress import Display
from lab.sweep.story import Story
from lab.sweep.worker import ORDER, PROGRESS, RESULT

POLL_SECONDS = 0.2


@dataclass
class Supervisor:
    """Carries a plan out in a folder.

    `data` names the prepared tokens of each arm, None where a task needs no such folder.
    """

    plan: Plan
    folder: SweepFolder
    artifacts: Path
    data: Mapping[str, Path | None]
    threads: int
    device: str
    launcher: Launcher
    display: Display
    keep: bool = False
    rerun: bool = False
    on_advance: Callable[[Story], None] = lambda story: None
    results: dict[str, Result] = field(default_factory=dict)
    jobs: dict[str, tuple[PlannedRun, Job]] = field(default_factory=dict)
    ran_ahead: set[str] = field(default_factory=set)
    signals: int = 0

    def __post_init__(self) -> None:
        self.story = Story(self.plan, self.results)

    def run(self) -> bool:
        """Run to the end of the plan; False when interrupted."""
        with self._signals():
            self._advance()
            while todo := self._unfinished():
                self._carry_out(todo)
                if self.signals:
                    return False
                self._advance()
        return not self.signals

    def adopt_finished(self) -> int:
        """Take over the results that the folder holds; returns how many.

        Runs of other code, another torch or number of threads, finished or not, are not quietly
        mixed with new ones: without `keep` or `rerun` they are a `SweepError`.
        """
        self.story.advance()
        while self._adopt_round():
            self.story.advance()
        return sum(result["status"] != "running" for result in self.results.values())

    def _adopt_round(self) -> bool:
        """Take over results of the runs that are waited for; whether none is waited for then."""
        waiting = self._unfinished()
        for run in waiting:
            order = None if run.name in self.jobs else self.folder.order(run)
            if order is None:
                continue
            changed = self._changed_since(order)
            if changed and self.rerun:
                self.folder.set_aside(run)
                continue
            if changed and not self.keep:
                raise SweepError(
                    f"{self.folder.run(run.name)} was run under another {', '.join(changed)}; "
                    "continue with --keep to use such runs, or --rerun to train them again"
                )
            result = self.folder.result(run)
            if result and (run.name in self.ran_ahead or self._answers(run, result)):
                self.results[run.name] = result
                self._relabel(run, order)
                if result["status"] != "running":
                    self.folder.tidy(run.name)
        return bool(waiting) and not self._unfinished()

    def _changed_since(self, order: WorkOrder) -> list[str]:
        """What differs between the code and machine that a run began on and these."""
        here = identity({**facts(), "device": self.device, "threads": self.threads})
        there = identity({"device": self.device, **order.provenance, "threads": order.threads})
        return [key for key in here if here[key] != there[key]]

    def _answers(self, run: PlannedRun, result: Result) -> bool:
        """Whether a result serves the phase that asks: an earlier plan may not have judged it."""
        if result["status"] in ("running", "pruned"):
            return result["status"] == "running" or run.is_done({run.name: result})
        if result["status"] != "complete":
            return bool(result["status"] == "diverged")
        endpoint = self.plan.question.endpoint_of(run.variant)
        return run.phase != "confirm" or endpoint in result["metrics"]

    def _relabel(self, run: PlannedRun, order: WorkOrder) -> None:
        """A run that an earlier plan trained carries the labels of this one."""
        now = self._order(run)
        if (order.labels, order.settings) != (now.labels, now.settings):
            relabelled = order.dump() | {"labels": now.labels, "settings": now.settings}
            write_json(self.folder.run(run.name) / ORDER, relabelled)

    def _advance(self) -> None:
        """Come to the next round; what is decided is kept before it is acted upon."""
        self.adopt_finished()
        for run, job in self.jobs.values():
            if not self._may_serve(run):
                job.stop()
        if self.story.is_over:
            self._clear()
        self.on_advance(self.story)
        for name, reason in self.story.given_up.items():
            given_up = self.folder.give_up(name, reason)
            if given_up is not None:
                self.results[name] = given_up
                self.display.given_up(name, reason, total=self._known())

    def _unfinished(self) -> list[PlannedRun]:
        """Runs of the last round that are not done, each once, in plan order."""
        last = self.story.rounds[-1] if self.story.rounds else []
        todo = (run for run in last if not run.is_done(self.results))
        return list({run.name: run for run in todo}.values())

    def _carry_out(self, todo: Sequence[PlannedRun]) -> None:
        """Come to the end of a round, or of all that is under way where a signal came."""
        asked = {run.name for run in todo}
        waiting = deque(run for run in todo if run.name not in self.jobs)
        ahead = filter(self._is_new, self.story.ahead())
        while self.jobs if self.signals else waiting or asked & self.jobs.keys():
            while len(self.jobs) < self.launcher.slots and not self.signals:
                run = waiting.popleft() if waiting else next(ahead, None)
                if run is None:
                    break
                self.jobs[run.name] = run, self._start(run)
            self._wait()

    def _wait(self) -> None:
        """Until a job has ended, or for a moment."""
        self.launcher.wait([job for _, job in self.jobs.values()], timeout=POLL_SECONDS)
        for name, (run, job) in list(self.jobs.items()):
            if not job.is_alive():
                del self.jobs[name]
                self._end(run)
        self._show()
        if self.signals:
            for _, job in self.jobs.values():
                job.kill() if self.signals > 1 else job.stop()

    def _is_asked(self, run: PlannedRun) -> bool:
        return any(run.name == asked.name for asked in self.story.rounds[-1])

    def _may_serve(self, run: PlannedRun) -> bool:
        """Whether a run is asked for, or may be."""
        return self._is_asked(run) or run.variant in self.story.going

    def _is_new(self, run: PlannedRun) -> bool:
        """Whether a run may be begun, or gone on with, before it is asked for.

        One that has ended, was begun by other code or is damaged is looked at when it is.
        """
        with suppress(SweepError):
            order = self.folder.order(run)
            changed = order is not None and not self.keep and self._changed_since(order)
            return run.name not in self.jobs and not changed and not self.folder.result(run)
        return False

    def _clear(self) -> None:
        """Await the jobs that were stopped, and remove what is left of runs without an end."""
        while self.jobs:
            self._wait()
        for run in self.story.spare(self.folder.begun()):
            if self.folder.result(run) is None:
                shutil.rmtree(self.folder.run(run.name), ignore_errors=True)
                shutil.rmtree(self.artifacts / run.name, ignore_errors=True)

    def _start(self, run: PlannedRun) -> Job:
        folder = self.folder.run(run.name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RESULT).unlink(missing_ok=True)
        order = self._order(run)
        write_text(folder / "config.yaml", dump_yaml(order.config.dump()))
        write_json(folder / ORDER, order.dump())
        return self.launcher.start([folder.absolute()])

    def _order(self, run: PlannedRun) -> WorkOrder:
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
                "provenance": {**facts(), "device": self.device},
            }
        )

    def _end(self, run: PlannedRun) -> None:
        result = self.folder.result(run)
        done = result is not None and run.is_done({run.name: result})
        if not done and not self.signals and self._may_serve(run):
            result = failure(self._order(run), "the process died; see log.txt")
            write_json(self.folder.run(run.name) / RESULT, result)
        if result is not None and self._is_asked(run):
            self.results[run.name] = result
        elif result is not None:
            self.ran_ahead.add(run.name)
        self.display.ended(run, result, total=self._known())

    def _show(self) -> None:
        """In runs, those under way by the share of their steps."""
        paused = [name for name, found in self.results.items() if found["status"] == "running"]
        done = float(len((self.results.keys() | self.ran_ahead) - {*paused, *self.jobs}))
        for run, _ in self.jobs.values():
            progress: dict[str, Any] = {}
            with suppress(OSError, ValueError):
                progress = read_json(self.folder.run(run.name) / PROGRESS)
            self.display.running(run, progress)
            done += progress.get("step", 0) / run.config.train.steps
        self.display.at(done=done, total=self._known())

    def _known(self) -> int:
        """Runs that the plan is known to come to by now, and those ahead of it."""
        known = {run.name for run in self.story.runs} | self.ran_ahead | self.jobs.keys()
        return max(self.plan.span()[0], len(known))

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def count(number: int, frame: object) -> None:
            self.signals += 1
            if self.signals == 1:
                os.write(2, b"\nstopping: the runs save a checkpoint; once more ends them now\n")

        before = {s: signal.signal(s, count) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
