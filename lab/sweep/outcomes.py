"""What a sampler is told of a trial: never a NaN, never an infinity, never nothing at all.

Design choices:
- a trial that ended early because of its other seeds has full values for those it had: it counts
  as complete with their mean;
- a trial that was pruned at a rung is told as such to a sampler that learns from its curve, and
  to the others as complete with the last value of the curve;
- a diverged trial counts as the worst so far, which is known at the end of its batch and does not
  change when a worse one comes; a failed trial says nothing about its settings.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import isfinite
from statistics import median
from typing import Literal

from lab.config.objective import Objective
from lab.sweep.trials import Trial


@dataclass(frozen=True)
class Outcome:
    """In Optuna's words; a pruned trial has a curve, a complete one the values."""

    state: Literal["RUNNING", "COMPLETE", "PRUNED", "FAIL"]
    values: list[float] | None = None
    curve: dict[int, float] = field(default_factory=dict)


def outcomes(
    trials: Sequence[Trial],
    objectives: Sequence[Objective],
    *,
    known: Sequence[Sequence[float]] = (),
    curves: bool,
) -> list[Outcome]:
    """Of each trial in turn; `known` are values told before, `curves` whether pruned ones count."""
    seen, found = [list(values) for values in known], list[Outcome]()
    for _, group in groupby(trials, key=lambda trial: trial.batch):
        batch = [_outcome(trial, len(objectives), curves) for trial in group]
        seen += [outcome.values for outcome in batch if outcome and outcome.values]
        found += [outcome or _worst(seen, objectives) for outcome in batch]
    return found


def typical(seen: Sequence[Sequence[float]]) -> list[float]:
    """The median of each objective."""
    return [median(column) for column in zip(*seen, strict=True)]


def _outcome(trial: Trial, n: int, curves: bool) -> Outcome | None:
    """None where the trial counts as the worst."""
    values = trial.values if trial.values and all(map(isfinite, trial.values)) else None
    curve = {step: value for step, value in trial.intermediate.items() if isfinite(value)}
    match trial.state:
        case "running" | "failed":
            return Outcome("RUNNING" if trial.state == "running" else "FAIL")
        case "complete":
            return Outcome("COMPLETE", values) if values else None
        case "pruned" if values and trial.replicates:
            return Outcome("COMPLETE", values)
        case "pruned" if curves and n == 1:
            return Outcome("PRUNED", curve=curve)
        case "pruned" if curve and n == 1:
            return Outcome("COMPLETE", [curve[max(curve)]])
        case _:
            return None


def _worst(seen: Sequence[Sequence[float]], objectives: Sequence[Objective]) -> Outcome:
    if not seen:
        return Outcome("FAIL")
    columns = zip(objectives, zip(*seen, strict=True), strict=True)
    return Outcome("COMPLETE", [o.sign * max(o.sign * x for x in column) for o, column in columns])
