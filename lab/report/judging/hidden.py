"""What tuning may hide of a contrast: some of the difference, or all there was to compare."""

import math
from collections.abc import Sequence

from lab.config.sweep import SweepConfig
from lab.report.judging.tuned import Tuned
from lab.report.judging.verdict import Verdict
from lab.stats.tuning import more_trials, trials_needed


def tau_of(question: SweepConfig, verdict: Verdict, tuned: Sequence[Tuned | None]) -> float | None:
    """What tuning may hide of a weighted sum is at most the sum of what it hides of each arm."""
    if question.tune is None:
        return 0.0
    taus = [side.tau if side else None for side in tuned]
    sizes = [abs(weight) for weight in verdict.weights.values()]
    known = [size * tau for size, tau in zip(sizes, taus, strict=True) if tau is not None]
    return sum(known) if len(known) == len(taus) else None


def trials_to_settle(
    question: SweepConfig, tuned: Sequence[Tuned | None], tau: float, affordable: float
) -> int:
    """Trials that it might take until what tuning hides, `tau`, is what is affordable."""
    assert question.tune is not None
    dimensions = len(question.tune.space)
    if math.isfinite(tau):
        trials = question.tune.n_trials
        return more_trials(trials, tau=tau, affordable=affordable, n_settings=dimensions)
    good = min(s.trials - s.lost - s.pruned if s else 0 for s in tuned)
    return max(1, trials_needed(dimensions) - good)


def tuned_in_vain(question: SweepConfig, side: Tuned | None) -> bool:
    """All trials are over, and none ended with a finite loss: there is nothing to confirm."""
    explored = question.tune.n_trials - question.tune.n_refine if question.tune else 0
    return side is not None and not side.chosen and side.trials >= explored
