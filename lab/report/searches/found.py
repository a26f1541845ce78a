"""What a search came to: the best trials, the front, and what the seeds leave open.

Design choices:
- only a trial that was carried to its end with all its seeds can be best;
- the seed noise is the SD over seeds at fixed settings: the median over the complete trials, so
  that an unstable one does not set it, or that of the confirm runs where trials had one seed;
- two trials are within it where their means are less than two standard errors apart, taken as
  independent. They share their seeds, so this says 'not known' rather too often than too rarely.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lab.config.sweep import SweepConfig
from lab.report.judging.tuned import numbers
from lab.report.searches.search import Search, Trial
from lab.report.terms import column
from lab.stats.paired import noise_floor


def ranked(search: Search, variant: str | None = None) -> list[Trial]:
    """The complete trials, best first by the first objective; of those that share runs, one."""
    trials = [t for t in search.complete if variant in (None, t.variant)]
    trials.sort(key=lambda trial: search.sign * _first(trial))
    return _once(trials)


def front(search: Search) -> list[Trial]:
    """The complete trials that no other beats in one objective without losing in another.

    Sorted by the first objective, best first; of those that share their runs, one.
    """
    trials = ranked(search)
    if not trials:
        return []
    costs = np.array([trial.values for trial in trials], dtype=np.float64)
    costs *= [objective.sign for objective in search.objectives]
    beaten = [
        bool(np.any(np.all(costs <= mine, axis=1) & np.any(costs < mine, axis=1))) for mine in costs
    ]
    return [trial for trial, is_beaten in zip(trials, beaten, strict=True) if not is_beaten]


def seed_noise(question: SweepConfig, search: Search, runs: pd.DataFrame) -> float:
    """The SD over seeds of the first objective at fixed settings; NaN where it is not known."""
    spread = [trial_sd(trial) for trial in search.complete]
    spread = [sd for sd in spread if sd > 0]
    if spread:
        return float(np.median(spread))
    sd = noise_floor(fresh_values(question, runs))
    return sd if sd > 0 else math.nan


def trial_sd(trial: Trial) -> float:
    """Of the first objective over the trial's seeds; NaN for fewer than two."""
    return noise_floor([row[0] for row in trial.replicates])


def fresh_values(question: SweepConfig, runs: pd.DataFrame) -> list[float]:
    """What the trials were judged by, in the complete confirm runs."""
    rows = runs[(runs["phase"] == "confirm") & (runs["status"] == "complete")]
    values = numbers(rows, column(question.tuning_metric))
    return [float(value) for value in values[np.isfinite(values)]]


def within_noise(best: Trial, trials: Sequence[Trial], noise: float) -> list[Trial]:
    """The trials whose mean differs from the best one's by less than two standard errors."""
    return [
        trial
        for trial in trials
        if trial is not best and abs(_first(trial) - _first(best)) < 2 * _error(best, trial, noise)
    ]


def _error(a: Trial, b: Trial, noise: float) -> float:
    """The standard error of the difference of two trials' means; NaN where nothing is known."""
    return noise * math.sqrt(sum(1 / max(1, len(trial.replicates)) for trial in (a, b)))


def _first(trial: Trial) -> float:
    return trial.values[0] if trial.values else math.inf


def _once(trials: Sequence[Trial]) -> list[Trial]:
    found: dict[tuple[str, ...], Trial] = {}
    for trial in trials:
        found.setdefault((trial.variant, *(trial.runs or [str(trial.number)])), trial)
    return list(found.values())
