"""What a plan asks of a cluster: jobs, hours of cores and GPUs, and the longest chain of runs.

Design choices:
- a chain are runs that wait for each other: a wave of trials learns from the one before, and seeds
  are confirmed round by round where not all of them find a place at once;
- hours are told where earlier sweeps have left the speed of such runs there.
"""

from dataclasses import dataclass
from math import ceil

from lab.config.launcher import Ray, Slurm
from lab.config.seeds import seeds_of
from lab.sweep.estimate import Estimate
from lab.sweep.plan import Plan

Span = tuple[float, float]


@dataclass(frozen=True)
class Demand:
    """At the least and the greatest number of runs. Hours are None where no speed is known."""

    jobs: tuple[int, int]
    core_hours: Span | None
    gpu_hours: Span | None
    chain: tuple[int, int]  # runs, one after the other
    chain_seconds: Span | None


def demand(
    plan: Plan, cost: Estimate, launcher: Slurm | Ray, *, threads: int, jobs: int, gathered: int
) -> Demand:
    """Of a plan whose cost was estimated for so many `jobs` at a time; short runs are `gathered`,
    so many to a job."""
    chain = _chain(plan, jobs=jobs)
    cores = launcher.cpus or threads * launcher.processes
    hours = longest = None
    pieces = 1
    if cost.seconds is not None:
        low, high = (jobs * seconds / 3600 for seconds in cost.seconds)
        hours = (low, high)
        longest = max(each.seconds or 0.0 for each in cost.costs)
        if isinstance(launcher, Slurm):  # a run that is longer than a job takes several
            pieces = max(1, ceil(longest / (60 * launcher.time)))
    return Demand(
        jobs=(_jobs(cost.runs[0], gathered) * pieces, _jobs(cost.runs[1], gathered) * pieces),
        core_hours=_times(hours, cores),
        gpu_hours=_times(hours, launcher.gpus),
        chain=chain,
        chain_seconds=_times(chain, longest) if longest is not None else None,
    )


def _chain(plan: Plan, *, jobs: int) -> tuple[int, int]:
    """The fewest and the most runs that wait for each other in turn."""
    question, tune = plan.question, plan.question.tune
    least = most = 0
    if tune is not None:
        waves = ceil(tune.n_trials / tune.width) if tune.is_adaptive else 1 + bool(tune.n_refine)
        prunes = tune.settle is not None or tune.pruner is not None
        least, most = waves * (1 if prunes else tune.seeds), waves * tune.seeds
    if question.confirm is None:
        return max(1, least), max(1, most)
    confirm, seeds = question.confirm, seeds_of(question)
    first = confirm.first_seeds if question.contrasts else confirm.max_seeds
    in_turn = 1 + confirm.max_seeds - first
    in_line = ceil(sum(high for _, high in seeds.values()) / jobs)
    return least + 1, most + max(1, min(in_turn, in_line))


def _jobs(runs: int, gathered: int) -> int:
    return ceil(runs / gathered)


def _times(span: Span | tuple[int, int] | None, factor: float) -> Span | None:
    return None if span is None else (span[0] * factor, span[1] * factor)
