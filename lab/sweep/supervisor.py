"""The one process that decides: what is next, what is finished, when to stop.

Design choices:
- it believes a run finished only when it reads the run's `result.json`, and paused only when it
  reads `reached.json`;
- a round is asked of the plan only when the round before it is complete, so results do not
  depend on the number of workers, nor on how often the sweep was interrupted;
- slots that a round leaves free run ahead on what may be asked for next. What comes of such a run
  lies in its folder, unread, until the plan asks for it; a job that nobody will ask for is stopped;
- a job is a run, or several that are alike: each of them begins, ends and fails by itself;
- a run that crashes or hangs is tried again as often as the plan says, from its checkpoint; one
  that did so in company is tried again alone, whatever its attempts, since it may be innocent;
- where jobs outlive it, as on a cluster, it takes those over that an earlier one left; a signal
  then ends the supervisor alone;
- else a signal asks the workers to save and end; a second one ends them at once. Whatever goes
  wrong here, a full disk above all, is told once they have saved and ended;
- it never imports torch.
"""

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from shutil import disk_usage, rmtree

from lab.files import disk_full, existing
from lab.run_folder import RESULT
from lab.sweep.allowance import Allowance
from lab.sweep.attempts import NO_SPACE, Attempts, oom_kills
from lab.sweep.events import note, warn
from lab.sweep.launchers.protocol import Job, Launcher
from lab.sweep.orders import Orders
from lab.sweep.plan import PlannedRun, Result
from lab.sweep.progress import Display
from lab.sweep.queue import Queue
from lab.sweep.remembered import Remembered
from lab.sweep.signals import caught, say
from lab.sweep.story import Story
from lab.sweep.takeover import Takeover
from lab.sweep.trying_again import failed
from lab.sweep.under_way import Part, UnderWay, under_way

POLL_SECONDS = LOOK_SECONDS = 0.5  # to wait for an end, and between two looks at who goes on


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
    jobs: list[UnderWay] = field(default_factory=list)
    ran_ahead: set[str] = field(default_factory=set)
    signals: int = 0
    is_spent: bool = False
    is_full: bool = False

    def __post_init__(self) -> None:
        self.plan, self.folder = self.orders.plan, self.orders.folder
        self.story = Story(self.plan, self.results)
        self.there = Takeover(self.orders, self.keep, self.rerun)
        executed, fills = self.orders.executed, self.orders.device == "cuda"
        self.queue = Queue(
            slots=self.launcher.slots, members=executed.members, alike=self._alike, fills=fills
        )
        self._asked: set[str] = set()
        self._looked = self.clock()
        self._least = self.plan.span()[0]
        self._remembered = Remembered()
        self._busy: set[str] = set()  # the names of the runs that are under way
        self._done: set[str] = set()  # of those that have ended
        self._ahead: set[str] = set()  # of those under way or ended that are not asked for
        self._spent = (0.0, 0)  # seconds, and the runs that took them

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
        self.adopt_finished()
        self._rejoin()  # before anything is cleared that a job may be at work on
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

    def _rejoin(self) -> None:
        """Take over the jobs that an earlier supervisor left; one of no use is stopped."""
        found = self.launcher.found()
        wanted = {run.name: run for run in self._unfinished()} if found else {}
        if found:
            wanted |= {run.name: run for run in self.story.ahead() if self._is_new(run)}
        for job in found:
            runs = [wanted[path.name] for path in job.folders if path.name in wanted]
            if self.rerun and any(path.name in self.there.foreign for path in job.folders):
                self._begin([], job, killed=oom_kills())  # its folders have been set aside
                self.jobs[-1].stop(at_once=True)
            elif runs:
                self._begin(runs, job, killed=oom_kills())
                for run in runs:
                    self.allowance.begin(run)
            elif job.is_alive():
                self._begin([], job, killed=oom_kills())
                self.jobs[-1].stop()
        if self.jobs:
            jobs = "1 job" if len(self.jobs) == 1 else f"{len(self.jobs)} jobs"
            note("rejoined", f"{jobs} found under way", jobs=len(self.jobs))
            self.display.say(f"{jobs} of an earlier call found")

    def _adopt_round(self) -> bool:
        """Take over results of the runs that are waited for; whether none is waited for then."""
        waiting = self._unfinished()
        for run in waiting:
            known = run.name in self.ran_ahead
            if run.name in self._busy:
                continue
            if found := self.there.result(run, whatever=known):
                self._keep(run, found)
                self._note_seconds(found)
        return bool(waiting) and not self._unfinished()

    def _advance(self) -> None:
        """Come to the next round; what is decided is kept before it is acted upon."""
        self.adopt_finished()
        self._asked = {run.name for run in self.story.rounds[-1]} if self.story.rounds else set()
        for each in self.jobs:
            if each.parts and not any(map(self._may_serve, each.runs)):
                each.stop()
        if self.story.is_over:
            self._clear()
        self.on_advance(self.story)
        for name, reason in self.story.given_up.items():
            given_up = self.folder.give_up(name, reason)
            if given_up is not None:
                self.results[name] = given_up
                self._done.add(name)
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
        self.queue.renew(
            [run for run in todo if run.name not in self._busy],
            filter(self._is_new, self.story.ahead()),
            cost=self.allowance.left,
        )
        while self._is_busy(asked):
            self._fill()
            self._wait()

    def _is_busy(self, asked: set[str]) -> bool:
        """Whether there is something to start, or to wait for."""
        if self._is_ending:
            return bool(self.jobs) and not self._leaves
        return bool(self.queue.asked) or not asked.isdisjoint(self._busy)

    def _fill(self) -> None:
        """Start what may be started in the slots that are free."""
        self.queue.gathered = self.launcher.gathers(self._seconds_a_run)
        jobs, started, killed = self.queue.jobs, 0, oom_kills()
        while len(self.jobs) < self.launcher.slots and not self._is_ending:
            runs = self.queue.take(self._is_allowed, jobs=jobs - started)
            if not runs:
                break
            started += 1
            job = self.launcher.start([self.orders.write(run).absolute() for run in runs])
            self._begin(runs, job, killed=killed)
            for run in runs:
                note("started", f"{run.name} started", run=run.name, of=len(runs))

    def _begin(self, runs: Sequence[PlannedRun], job: Job, *, killed: int) -> None:
        """Watch over a job from now on."""
        timeout, together = self.plan.question.timeout, self.orders.executed.kind == "cohort"
        found = under_way(runs, job, timeout=timeout, together=together, killed=killed)
        self.jobs.append(found)
        names = {run.name for run in runs}
        self._busy |= names
        self._done -= names
        self._ahead |= {name for name in names if name not in self.story.names}

    def _keep(self, run: PlannedRun, result: Result) -> None:
        """Have the story go by a result."""
        self.results[run.name] = self._remembered(run, result)
        if result["status"] != "running":
            self._done.add(run.name)

    @property
    def _seconds_a_run(self) -> float | None:
        """What runs have taken so far, on the average; None where none has ended."""
        spent, runs = self._spent
        return spent / runs if runs else None

    def _note_seconds(self, result: Result) -> None:
        if result["status"] == "complete" and "total" in result["timing"]:
            spent, runs = self._spent
            self._spent = spent + result["timing"]["total"], runs + 1

    @property
    def _leaves(self) -> bool:
        """Whether the supervisor ends and its jobs go on."""
        return self.launcher.outlives and bool(self.signals) and not (self.is_spent or self.is_full)

    def _alike(self, run: PlannedRun) -> Hashable:
        """What runs that go together have in common; None of one that is to go alone."""
        if Attempts(self.folder.run(run.name)).count:
            return None
        return self.orders.alike(run), self.allowance.stands(run)

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
        self.launcher.wait([each.job for each in self.jobs], timeout=POLL_SECONDS)
        self._look()
        for each in [each for each in self.jobs if each.many > 1 or not each.job.is_alive()]:
            parts = each.ended()
            self._busy.difference_update(part.run.name for part in parts)
            missed = [part for part in parts if not self._was_reached(part, each)]
            self.queue.back([part.run for part in missed if part.run.name in self._asked])
            parts = [part for part in parts if part not in missed]
            if not each.parts and not each.job.is_alive():
                self.jobs.remove(each)
            self.queue.again([part.run for part in parts if not self._end(part, each)])
        self._show()
        if self.jobs and self.allowance.time_is_up:  # then it ends as after one signal
            self.is_spent, self.signals = True, self.signals or 1
        if self._is_stopping and not self._leaves:
            for each in self.jobs:
                each.stop(at_once=self.signals > 1)

    def _look(self) -> None:
        """See who goes on, not more often than it helps; one that hangs is killed."""
        seconds = self.clock() - self._looked
        if 0 <= seconds < LOOK_SECONDS:
            return
        self._looked = self.clock()
        for each in self.jobs:
            if each.look(seconds):
                for run in each.runs:
                    told = f"{run.name} hangs and is killed"
                    note("hung", told, run=run.name, seconds=each.timeout)

    def _was_reached(self, part: Part, ended: UnderWay) -> bool:
        """Whether a job came to one of its runs."""
        return ended.was_reached(part) or (part.folder / RESULT).is_file()

    def _is_new(self, run: PlannedRun) -> bool:
        return run.name not in self._busy and self.there.is_new(run)

    def _may_serve(self, run: PlannedRun) -> bool:
        """Whether a run is asked for, or may be."""
        return run.name in self._asked or run.variant in self.story.going

    def _clear(self) -> None:
        """Await the jobs that were stopped, and remove what is left of runs without an end."""
        while self.jobs and not self._leaves:
            self._wait()
        if self.jobs:  # which go on, and are at work in their folders
            return
        for run in self.story.spare(self.folder.begun()):
            if self.folder.result(run) is None:
                rmtree(self.folder.run(run.name), ignore_errors=True)
                rmtree(self.orders.artifacts / run.name, ignore_errors=True)

    def _end(self, part: Part, ended: UnderWay) -> bool:
        """Take what came of a run; False where it is to be tried again."""
        run, is_over = part.run, True
        result = self.folder.result(run)
        if result is None or not run.is_done({run.name: result}):
            if ended.job.exit_code == NO_SPACE:
                self.is_full = True
                warn("no space", f"{run.name} found no room on the disk", run=run.name)
            elif not (ended.stopped or self._is_stopping) and self._may_serve(run):
                result = failed(part, ended, orders=self.orders)
                is_over = result is not None or run.name not in self._asked  # one ahead can wait
        if result is not None:
            self._note_seconds(result)
        if result is not None and run.name in self._asked:
            self._keep(run, result)
        elif result is not None:
            self.ran_ahead.add(run.name)
            self._done.add(run.name)
        else:
            self._ahead.discard(run.name)
        status = result["status"] if result else "stopped" if ended.stopped else "in mid-run"
        note("ended", f"{run.name} ended: {status}", run=run.name, status=status)
        done, total = self._count()
        self.display.ended(run, result, done=done, total=total)
        return is_over

    def _wind_up(self) -> None:
        """Something went wrong here: what is under way saves and ends before that is told."""
        while self.jobs and not self.launcher.outlives:
            for each in self.jobs:
                each.stop(at_once=self.signals > 1)
            self.launcher.wait([each.job for each in self.jobs], timeout=POLL_SECONDS)
            self._look()
            self.jobs = [each for each in self.jobs if each.job.is_alive()]

    def _show(self) -> None:
        """In runs, those under way by the share of their steps."""
        (whole, total), share = self._count(), 0.0
        for part, *others in (each.parts for each in self.jobs if each.parts):
            if self.display.is_live:
                self.display.running(part.run, part.progress, others=len(others))
            for one in (part, *others):
                if step := one.progress.get("step"):
                    share += step / one.run.config.train.steps
        self.display.at(done=whole + share, total=total)

    def _count(self) -> tuple[int, int]:
        """Runs that are done, and those that the plan is known to come to or that ran ahead."""
        self._ahead = {name for name in self._ahead if name not in self.story.names}
        known = len(self.story.names) + len(self._ahead)
        return len(self._done), max(self._least, known)

    def _signalled(self) -> None:
        self.signals += 1
        if self._leaves:
            say(b"\nstopping; the jobs go on, and the same command finds them again\n")
        elif self.signals == 1:
            say(b"\nstopping: the runs save a checkpoint; once more ends them now\n")
        elif not self.jobs:  # nobody is to be waited for, and every file is whole
            raise KeyboardInterrupt
