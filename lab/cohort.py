"""Many work orders carried out as one batched model: for each, what `lab.run.execute` does alone.

Design choices:
- every member has its own run folder, tracker, checkpoints, result and package, made by the same
  code as alone; only its steps are computed together with those of the others;
- members that stand at different steps, as after a kill, are cohorts of their own, those furthest
  behind first: each number is the same in any company, so nothing is lost but some time;
- what goes wrong with one member's own files takes that member out, as a divergence does; the
  others are trained to their end, and then all such errors are raised at once. What goes wrong with
  the computation of all is raised at once.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import torch

from lab.config.order import WorkOrder
from lab.config.run import RunConfig
from lab.config.shape import shape_of, stackable
from lab.errors import ConfigError, LabError
from lab.model.stack import stack
from lab.parts import Parts
from lab.run import Running, settled
from lab.track.null import NullTracker
from lab.train.clock import Clock
from lab.train.cohort import Cohort
from lab.train.cohort_evaluation import Evaluations
from lab.train.loop import train_many
from lab.train.member import Member, Outcome

Row = Callable[[int, int, Mapping[str, float]], None]
Result = dict[str, Any] | None


class CohortError(LabError):
    """What went wrong with some members, by their place among the orders; the others are done."""

    def __init__(self, failures: Mapping[int, Exception]) -> None:
        self.failures = dict(failures)
        told = "; ".join(f"member {place}: {error}" for place, error in failures.items())
        super().__init__(told)


def execute_cohort(
    orders: Sequence[WorkOrder],
    *,
    folders: Sequence[Path],
    stop: Callable[[], bool] = lambda: False,
    on_row: Row = lambda place, step, row: None,
) -> list[Result]:
    """What `lab.run.execute` returns for each order, in order.

    The orders are of one shape (`lab.config.shape`), of the same data and the same `until`, else
    `ConfigError`. `on_row` gets a member's place among the orders, the step and the row. `stop` is
    asked after every step of all: once it says yes, every member saves its state. Raises
    `CohortError` once the others have ended or stopped.
    """
    _check(orders)
    results: dict[int, Result] = {}
    failures: dict[int, Exception] = {}
    with ExitStack() as open_runs:
        runs: dict[int, Running] = {}
        for place, (order, folder) in enumerate(zip(orders, folders, strict=True)):
            try:
                results[place] = settled(order, folder)
                if results[place] is None:
                    run = Running(order, folder, stop=stop, on_row=partial(on_row, place))
                    runs[place] = run.__enter__()
                    open_runs.callback(_close, run, place, failures)
            except Exception as error:
                failures[place] = error
            stop()
        for places in _by_step(runs):
            _train({place: runs[place] for place in places}, failures, stop=stop)
    for place, run in runs.items():
        results[place] = run.content
    if failures:
        raise CohortError(dict(sorted(failures.items())))
    return [results[place] for place in range(len(orders))]


def time_cohort(
    config: RunConfig, data: Path | None, *, members: int, threads: int = 1, steps: int = 8
) -> float:
    """Seconds a training token of one member takes here in a cohort of so many, to be compared
    with `lab.run.time_steps`; from the quickest of some real steps."""
    _check_stackable(config)
    seeds = [config.replaced({"seed": seed}) for seed in range(members)]
    cohort = Cohort([timed_member(own, data, threads=threads) for own in seeds], stack=stack)
    alone = cohort.device.type == "cpu" and threads == 1
    clock = time.thread_time if alone else time.perf_counter
    seconds = []
    for number in range(1, steps + 1):
        since = clock()
        cohort.step(number)
        if cohort.device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(clock() - since)
    return min(seconds) / config.tokens_per_step / members


def _close(run: Running, place: int, failures: dict[int, Exception]) -> None:
    try:
        run.__exit__()
    except Exception as error:
        failures.setdefault(place, error)


def _train(
    runs: Mapping[int, Running], failures: dict[int, Exception], *, stop: Callable[[], bool]
) -> None:
    """Train runs that stand at one step to their end, and leave the result of each."""
    members = [_Guarded.of(run.member) for run in runs.values()]
    first = next(iter(runs.values())).order
    if stop():
        outcomes = [member.stopped() for member in members]
    else:
        cohort = Cohort(members, stack=stack, compiled=first.compiled)
        if cohort.device.type != "cpu":
            evaluations = Evaluations(cohort)
            for member in members:
                member.evaluate = evaluations.of(member)
        outcomes = train_many(members, cohort, until=first.until, stop=stop)
    for (place, run), member, outcome in zip(runs.items(), members, outcomes, strict=True):
        try:
            if member.error is None:
                run.end(outcome)
        except Exception as error:
            member.error = error
        if member.error is not None:
            failures[place] = member.error


@dataclass(eq=False)
class _Guarded(Member):
    """A member that ends where something goes wrong with its own files, and keeps the error."""

    error: Exception | None = None

    @classmethod
    def of(cls, member: Member) -> "_Guarded":
        return cls(*(getattr(member, part.name) for part in fields(Member)))

    def begin(self) -> Outcome | None:
        return self._tried(super().begin)

    def judge(self) -> Outcome | None:
        return self._tried(super().judge)

    def save(self, *, goal: int, stopping: bool) -> Outcome | None:
        return self._tried(partial(super().save, goal=goal, stopping=stopping))

    def stopped(self) -> Outcome:
        """How it ended, where it was asked to stop before any step."""
        return self._ended("interrupted")

    def _tried(self, work: Callable[[], Outcome | None]) -> Outcome | None:
        try:
            return work()
        except Exception as error:
            self.error = error
            return self.stopped()


def _check(orders: Sequence[WorkOrder]) -> None:
    for order in orders:
        _check_stackable(order.config)
    shared: dict[str, set[Any]] = {
        "shape": {shape_of(order.config) for order in orders},
        "data": {order.data for order in orders},
        "until": {order.until for order in orders},
        "threads": {order.threads for order in orders},
        "compiled": {order.compiled for order in orders},
    }
    if different := [name for name, values in shared.items() if len(values) > 1]:
        raise ConfigError(
            f"{len(orders)} orders differ in {', '.join(different)}; a cohort is made of those "
            "that are alike in these"
        )


def _check_stackable(config: RunConfig) -> None:
    if why := stackable(config):
        raise ConfigError(why)


def _by_step(runs: Mapping[int, Running]) -> list[list[int]]:
    """Places of the runs at each step, those furthest behind first."""
    found = defaultdict[int, list[int]](list)
    for place, run in runs.items():
        found[run.member.state.step].append(place)
    return [found[step] for step in sorted(found)]


def timed_member(config: RunConfig, data: Path | None, *, threads: int) -> Member:
    """A run that is only timed: it has no folder, tells nobody, and is never saved."""
    order = WorkOrder(
        run="timed", digest="", config=config, labels={}, settings={}, threads=threads,
        execution="cohort", data=str(data) if data else None, provenance={},
    )  # fmt: skip
    parts = Parts(order, Path(), Clock())
    return Member(
        parts.state,
        parts.batches,
        config.train,
        config.seed,
        config.tokens_per_step,
        NullTracker(),
        Clock(),
    )
