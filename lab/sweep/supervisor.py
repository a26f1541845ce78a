"""The one process that decides: what is next, what is finished, when to stop.

Design choices:
- it believes a run finished only when it reads the run's `result.json`, and paused only when it
  reads `reached.json`;
- a round is asked of the plan only when the round before it is complete, so results do not
  depend on the number of workers, nor on how often the sweep was interrupted;
- slots that a round leaves free run ahead on what may be asked for next. What comes of such a run
  lies in its folder, unread, until the plan asks for it; one that nobody will ask for is stopped;
- a run that crashes or hangs is tried again as often as the plan says, from its checkpoint;
- a signal asks the workers to save and end; a second one ends them at once. Whatever goes wrong
  here, a full disk above all, is told once they have saved and ended;
- it never imports torch.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from shutil import disk_usage, rmtree

from lab.files import disk_full, existing, write_json
from lab.result import failure
from lab.run_folder import RESULT
from lab.sweep.allowance import Allowance
from lab.sweep.attempts import NO_SPACE, OUT_OF_MEMORY, Attempts
from lab.sweep.events import note, warn
from lab.sweep.launcher import Launcher
from lab.sweep.orders import Orders
from lab.sweep.plan import PlannedRun, Result
from lab.sweep.progress import Display
from lab.sweep.signals import caught, say
from lab.sweep.story import Story
from lab.sweep.takeover import Takeover
from lab.sweep.under_way import UnderWay, under_way

POLL_SECONDS = 0.5


@dataclass
class Supervisor:
    """Carries out a plan, by the orders that are made of it."""

    orders: Orders
    launcher: Launcher
    display: Display
    keep: bool = False
    rerun: bool = False
    on_advance: Callable[[Story], None] = lambda story: None
    allowance: Allowance = field(default_factory=Allowance)
    clock: Callable[[], float] = time.monotonic
    results: dict[str, Result] = field(default_factory=dict)
    jobs: dict[str, UnderWay] = field(default_factory=dict)
    waiting: deque[PlannedRun] = field(default_factory=deque)
    ran_ahead: set[str] = field(default_factory=set)
    signals: int = 0
    is_spent: bool = False
    is_full: bool = False

    def __post_init__(self) -> None:
        self.plan, self.folder = self.orders.plan, self.orders.folder
        self.story = Story(self.plan, self.results)
        self.there = Takeover(self.orders, self.keep, self.rerun)
        self._asked: set[str] = set()
        self._looked = self.clock()
        self._least = self.plan.span()[0]
        self._counted = (0, 0)

    def run(self) -> bool:
        """Run to the end of the plan; False when interrupted.

        Raises `NoSpace` where a disk is full; the same call continues then, as after a False.
        """
        with caught(self._signalled):
            try:
                return self._run()
            except BaseException:
                self._wind_up()
                raise

    def adopt_finished(self) -> int:
        """Take over the results that the folder holds; returns how many.

        Runs of other code or another machine are a `SweepError` without `keep` or `rerun`.
        """
        self.story.advance()
        while self._adopt_round():
            self.story.advance()
        return sum(result["status"] != "running" for result in self.results.values())

    def _run(self) -> bool:
        self._advance()
        note("continued" if self.results else "begun", self.plan.question.question)
        if self.results:
            note("taken over", f"{len(self.results)} runs", runs=len(self.results))
        while todo := self._unfinished():
            self._carry_out(todo)
            if self.is_full:
                disks = (self.folder.path, self.orders.artifacts)
                raise disk_full(min(disks, key=lambda path: disk_usage(existing(path)).free))
            if self._is_ending:
                note("stopped", "stopped", signals=self.signals, why=self.allowance.why)
                return False
            self._advance()
        return not self.signals

    def _adopt_round(self) -> bool:
        """Take over results of the runs that are waited for; whether none is waited for then."""
        waiting = self._unfinished()
        for run in waiting:
            known = run.name in self.ran_ahead
            if run.name not in self.jobs and (found := self.there.result(run, whatever=known)):
                self.results[run.name] = found
        return bool(waiting) and not self._unfinished()

    def _advance(self) -> None:
        """Come to the next round; what is decided is kept before it is acted upon."""
        self.adopt_finished()
        self._asked = {run.name for run in self.story.rounds[-1]} if self.story.rounds else set()
        for each in self.jobs.values():
            if not self._may_serve(each.run):
                each.stop()
        if self.story.is_over:
            self._clear()
        self.on_advance(self.story)
        for name, reason in self.story.given_up.items():
            given_up = self.folder.give_up(name, reason)
            if given_up is not None:
                self.results[name] = given_up
                note("given up", f"{name}: {reason}", run=name, reason=reason)
                done, total = self._count()
                self.display.given_up(name, reason, done=done, total=total)

    def _unfinished(self) -> list[PlannedRun]:
        """Runs of the last round that are not done, each once, in plan order."""
        last = self.story.rounds[-1] if self.story.rounds else []
        todo = (run for run in last if not run.is_done(self.results))
        return list({run.name: run for run in todo}.values())

    def _carry_out(self, todo: Sequence[PlannedRun]) -> None:
        """Come to the end of a round, or of all that is under way where nothing more may start."""
        asked = {run.name for run in todo}
        self.waiting = deque(run for run in todo if run.name not in self.jobs)
        ahead = filter(self._is_new, self.story.ahead())
        while self.jobs if self._is_ending else self.waiting or asked & self.jobs.keys():
            self._fill(ahead)
            self._wait()

    def _fill(self, ahead: Iterator[PlannedRun]) -> None:
        """Start what may be started in the slots that are free."""
        while len(self.jobs) < self.launcher.slots and not self._is_ending:
            run = self.waiting[0] if self.waiting else next(ahead, None)
            if run is None or not self._is_allowed(run):
                break
            if self.waiting:
                self.waiting.popleft()
            job = self.launcher.start([self.orders.write(run).absolute()])
            self.jobs[run.name] = under_way(run, job, timeout=self.plan.question.timeout)
            note("started", f"{run.name} started", run=run.name)
            self._count()

    @property
    def _is_ending(self) -> bool:
        """Whether nothing is started any more, but what is under way awaited."""
        return self._is_stopping or self.is_spent

    @property
    def _is_stopping(self) -> bool:
        """Whether what is under way is to save and end."""
        return bool(self.signals) or self.is_full

    def _is_allowed(self, run: PlannedRun) -> bool:
        """Whether the allowance has room for a run. Where it has none for one that is asked for,
        it is spent; one ahead can wait."""
        if self.allowance.may_start(run):
            self.allowance.begin(run)
            return True
        self.is_spent = run.name in self._asked
        return False

    def _wait(self) -> None:
        """Until a job has ended, or for a moment."""
        self.launcher.wait([each.job for each in self.jobs.values()], timeout=POLL_SECONDS)
        self._look()
        for name, each in list(self.jobs.items()):
            if not each.job.is_alive():
                del self.jobs[name]
                self._end(each)
        self._show()
        if self.jobs and self.allowance.time_is_up:  # then it ends as after one signal
            self.is_spent, self.signals = True, self.signals or 1
        if self._is_stopping:
            for each in self.jobs.values():
                each.stop(at_once=self.signals > 1)

    def _look(self) -> None:
        """See who goes on; one that hangs is killed."""
        seconds, self._looked = self.clock() - self._looked, self.clock()
        for name, each in self.jobs.items():
            if each.look(seconds):
                note("hung", f"{name} hangs and is killed", run=name, seconds=each.timeout)

    def _is_new(self, run: PlannedRun) -> bool:
        return run.name not in self.jobs and self.there.is_new(run)

    def _may_serve(self, run: PlannedRun) -> bool:
        """Whether a run is asked for, or may be."""
        return run.name in self._asked or run.variant in self.story.going

    def _clear(self) -> None:
        """Await the jobs that were stopped, and remove what is left of runs without an end."""
        while self.jobs:
            self._wait()
        for run in self.story.spare(self.folder.begun()):
            if self.folder.result(run) is None:
                rmtree(self.folder.run(run.name), ignore_errors=True)
                rmtree(self.orders.artifacts / run.name, ignore_errors=True)

    def _end(self, ended: UnderWay) -> None:
        run = ended.run
        result = self.folder.result(run)
        if result is None or not run.is_done({run.name: result}):
            if ended.job.exit_code == NO_SPACE:
                self.is_full = True
                warn("no space", f"{run.name} found no room on the disk", run=run.name)
            elif not (ended.stopped or self._is_stopping) and self._may_serve(run):
                result = self._failed(ended)
        if result is not None and run.name in self._asked:
            self.results[run.name] = result
        elif result is not None:
            self.ran_ahead.add(run.name)
        status = result["status"] if result else "stopped" if ended.stopped else "in mid-run"
        note("ended", f"{run.name} ended: {status}", run=run.name, status=status)
        done, total = self._count()
        self.display.ended(run, result, done=done, total=total)

    def _failed(self, ended: UnderWay) -> Result | None:
        """The result of a run that has failed too often; None where it is tried again."""
        run, mishap, allowed = ended.run, ended.mishap(), 1 + self.plan.question.retries
        number = Attempts(ended.folder).add(mishap, allowed=allowed)
        if mishap.error.startswith(OUT_OF_MEMORY):
            note(OUT_OF_MEMORY, f"{run.name} {mishap.error}", run=run.name)
        told = {"run": run.name, "attempt": number, "of": allowed, "step": mishap.step}
        if number < allowed:
            again = f"it is tried again ({number + 1} of {allowed})"
            warn("retried", f"{run.name}: {mishap.in_words}; {again}", error=mishap.error, **told)
            if run.name in self._asked:  # one ahead is, once it is
                self.waiting.appendleft(run)
            return None
        error = mishap.in_words + (f" (the last of {allowed} attempts)" if allowed > 1 else "")
        warn("given up", f"{run.name}: {error}", error=mishap.error, **told)
        result = failure(self.orders.of(run), error, step=mishap.step or 0)
        write_json(ended.folder / RESULT, result)
        return result

    def _wind_up(self) -> None:
        """Something went wrong here: what is under way saves and ends before that is told."""
        while self.jobs:
            for each in self.jobs.values():
                each.stop(at_once=self.signals > 1)
            self.launcher.wait([each.job for each in self.jobs.values()], timeout=POLL_SECONDS)
            self._look()
            self.jobs = {name: each for name, each in self.jobs.items() if each.job.is_alive()}

    def _show(self) -> None:
        """In runs, those under way by the share of their steps."""
        (whole, total), share = self._counted, 0.0
        for each in self.jobs.values():
            self.display.running(each.run, each.progress)
            share += each.progress.get("step", 0) / each.run.config.train.steps
        self.display.at(done=whole + share, total=total)

    def _count(self) -> tuple[int, int]:
        """Runs that are done, and those that the plan is known to come to or that ran ahead."""
        paused = {name for name, found in self.results.items() if found["status"] == "running"}
        done = (self.results.keys() | self.ran_ahead) - paused - self.jobs.keys()
        known = {run.name for run in self.story.runs} | self.ran_ahead | self.jobs.keys()
        self._counted = len(done), max(self._least, len(known))
        return self._counted

    def _signalled(self) -> None:
        self.signals += 1
        if self.signals == 1:
            say(b"\nstopping: the runs save a checkpoint; once more ends them now\n")
        elif not self.jobs:  # nobody is to be waited for, and every file is whole
            raise KeyboardInterrupt
