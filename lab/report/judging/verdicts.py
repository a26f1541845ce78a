"""From runs to verdicts: which variant is better, by how much, and how sure that is.

Design choices:
- differences are paired by seed, and the seeds used are the longest prefix, in order, that both
  sides have finished: a verdict never depends on which run happened to end first;
- what is judged is a contrast, a weighted sum of arms: a pair, a main effect, an interaction;
- one interval at 1 - alpha/k (k contrasts that can be judged) gives both the verdict and the
  numbers that are printed; it is widened on each side by what tuning may have left (tau of all);
- a contrast ends with the seed that settles it: seeds that other contrasts went on to need change
  nothing about it, and what was decided once stays decided;
- a variant that has no answer at the length that is judged is told so, and costs no alpha;
- where tau cannot be estimated it may be anything, so nothing is decided about the variants, only
  about these settings of them;
- a diverged or failed confirm run leaves no mean to speak of: ranks only, the lost run last; one
  that came after a contrast was settled changes nothing about it;
- before the plan's first look, which of the test `fixed` is its only one, nothing is said.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pandas as pd

from lab.config.confirm import ConfirmConfig
from lab.config.sweep import SweepConfig
from lab.report.judging import unjudged, wording
from lab.report.judging.caveats import caveats
from lab.report.judging.data_check import refuse_other_data
from lab.report.judging.hidden import tau_of, trials_to_settle, tuned_in_vain
from lab.report.judging.pairs import LOST, confirm_runs, paired
from lab.report.judging.tuned import Tuned, numbers, trials_of, tuning_of
from lab.report.judging.verdict import Verdict, about
from lab.stats import sequential
from lab.stats.decision import decide, reach
from lab.stats.paired import (
    correlation,
    d_z,
    holm,
    p_lower,
    sign_flip_p,
    sign_test_p,
    t_interval,
)
from lab.stats.power import pairs_to_settle
from lab.stats.tuning import Array

__all__ = ["Verdict", "controls", "judge"]


def judge(question: SweepConfig, runs: pd.DataFrame) -> list[Verdict]:
    """A verdict for each contrast, in the plan's order; where there is none, for the lone arm.

    `runs` is `Sweep.runs()`, complete or not. Raises `SweepError` where a complete confirm run
    lacks the metric that is judged, and where the runs of two arms have not read the same data.
    """
    refuse_other_data(question, runs)
    confirm = question.confirm
    if confirm is None:
        names = question.comparisons or [question.reference]
        return [_unconfirmed(question, runs, name) for name in names]
    if not question.contrasts:
        return [_alone(question, confirm, runs)]
    level = 1 - confirm.alpha / max(1, len(question.judged))
    arms = _Arms(question, runs)
    return _with_holm(
        [
            _compare(about(contrast, question.endpoint, level=level), confirm, arms)
            if contrast in question.judged
            else _undefined(about(contrast, question.endpoint, level=level), question)
            for contrast in question.contrasts
        ]
    )


def controls(question: SweepConfig, runs: pd.DataFrame) -> list[Verdict]:
    """A verdict for each twin: at α by itself, for what it finds is no part of the answer."""
    if question.confirm is None:
        return []
    level, arms = 1 - question.confirm.alpha, _Arms(question, runs)
    return [
        _compare(about(twin, question.endpoint, level=level), question.confirm, arms)
        for twin in question.controls
    ]


def settled_arms(question: SweepConfig, runs: pd.DataFrame) -> set[str]:
    """The arms that need no more seeds: those whose every contrast is settled."""
    verdicts = judge(question, runs)
    going = {arm for verdict in verdicts if not verdict.settled for arm in verdict.weights}
    return question.arms.keys() - going


class _Arms:
    """What is known of each arm, found once: a reference stands in many contrasts."""

    def __init__(self, question: SweepConfig, runs: pd.DataFrame) -> None:
        self.question, self.runs = question, runs
        read = ("run", "variant", "phase", "seed", "status", question.endpoint)
        rows = runs.loc[runs["phase"] == "confirm", [name for name in read if name in runs]]
        self.confirmed = cache(partial(confirm_runs, question, rows))
        self.tuned = cache(partial(tuning_of, question, runs))


def _compare(verdict: Verdict, confirm: ConfirmConfig, known: _Arms) -> Verdict:
    question, runs = known.question, known.runs
    sides = [known.confirmed(arm) for arm in verdict.weights]
    unknown, (seeds, values) = verdict, paired(sides)
    verdict = replace(verdict, n=len(seeds), seeds=seeds, settled=len(seeds) >= confirm.max_seeds)
    arms = [question.twins.get(arm, arm) for arm in verdict.weights]
    tuned = tuple(known.tuned(arm) for arm in arms)
    if seeds:
        verdict = _measured(verdict, question, confirm, values, tuned)
        verdict = replace(verdict, caveats=caveats(verdict, question, runs, tuned))
    elif any(tuned_in_vain(question, side) for side in tuned):
        verdict = replace(verdict, settled=True)
    if not verdict.settled and _any_lost(sides):
        asked = set[int].intersection(*(set(side["seed"]) for side in sides))
        both = [side[side["seed"].isin(asked)] for side in sides]  # others served another contrast
        if _any_lost(both):
            return _unstable(unknown, question, both)
    return replace(verdict, sentence=wording.comparison(verdict, question, tuned))


def _any_lost(sides: Sequence[pd.DataFrame]) -> bool:
    return any(not set(LOST).isdisjoint(side["status"]) for side in sides)


def _measured(
    verdict: Verdict,
    question: SweepConfig,
    confirm: ConfirmConfig,
    values: Array,
    tuned: Sequence[Tuned | None],
) -> Verdict:
    """`values`: the endpoints by arm and seed."""
    is_twin = verdict.effect == "twin"  # at the very same settings, however they were found
    tau = 0.0 if is_twin else tau_of(question, verdict, tuned)
    hidden = math.inf if tau is None else tau
    alpha, anytime = 1 - verdict.level, confirm.test == "anytime"
    margin = None if is_twin else confirm.margin
    weights = np.array(list(verdict.weights.values()))
    a, b = np.maximum(weights, 0) @ values, np.maximum(-weights, 0) @ values
    most = min(len(a), confirm.max_seeds)
    looks = range(confirm.first_seeds, most) if anytime else ()
    n = next(
        (n for n in looks if decide(a[:n] - b[:n], alpha=alpha, margin=margin, tau=hidden).settled),
        most,
    )
    a, b = a[:n], b[:n]
    d = a - b
    verdict = replace(
        verdict,
        kind="undecided",
        n=n,
        seeds=verdict.seeds[:n],
        difference=float(d.mean()),
        differences=tuple(float(x) for x in d),
        d_z=_known(d_z(d)),
        correlation=_known(correlation(a, b)),
        p_lower=p_lower(a, b),
        tau=tau,
    )
    if anytime:
        evidence = math.exp(min(sequential.log_e_value(d), 700))
        verdict = replace(verdict, e_value=evidence)
    elif n == confirm.max_seeds:
        rng = np.random.default_rng(0)  # a fixed stream: the same report from the same runs
        verdict = replace(verdict, p_value=sign_flip_p(d, rng=rng))
    if n < confirm.first_seeds:
        return verdict  # the plan has not come to its first look

    found = decide(d, alpha=alpha, margin=margin, tau=hidden, anytime=anytime)
    shown = found.half + (tau or 0.0)
    verdict = replace(
        verdict,
        kind=found.kind,
        low=found.mean - shown,
        high=found.mean + shown,
        real_but_small=found.small,
        settled=verdict.settled or found.settled,
    )
    if found.kind != "undecided":
        return verdict
    if found.differs_here:
        affordable = abs(found.mean) - found.half
        return replace(verdict, more_trials=trials_to_settle(question, tuned, hidden, affordable))
    width = reach(d, alpha=alpha, anytime=anytime)
    enough = pairs_to_settle(found.mean, width, beyond=n, widening=hidden, margin=margin)
    return replace(verdict, more_seeds=enough - n if enough and n > 1 else None)


def _unstable(verdict: Verdict, question: SweepConfig, sides: list[pd.DataFrame]) -> Verdict:
    """No mean, but ranks: of each seed that ended on both sides, which one ended lower."""
    verdict = replace(verdict, kind="unstable", settled=True, tau=None)
    if len(sides) > 2:  # several runs on each side have no order
        return replace(verdict, sentence=unjudged.unstable(verdict, question, sides, 0, 0))
    ended = [
        side[side["status"].isin(("complete", *LOST))].set_index("seed")["endpoint"]
        for side in sides
    ]
    both = ended[0].index.intersection(ended[1].index).sort_values()
    a, b = (side.loc[both].to_numpy(dtype=np.float64) for side in ended)
    wins, losses = int(np.sum(a < b)), int(np.sum(a > b))
    is_known = np.isfinite(a) & np.isfinite(b)
    d = np.subtract(a, b, out=np.full(len(both), np.nan), where=is_known)
    verdict = replace(
        verdict,
        n=len(both),
        seeds=tuple(int(seed) for seed in both),
        differences=tuple(float(x) for x in d),
        p_value=sign_test_p(wins, losses) if len(both) else None,
    )
    return replace(verdict, sentence=unjudged.unstable(verdict, question, sides, wins, losses))


def _undefined(verdict: Verdict, question: SweepConfig) -> Verdict:
    """No answer, and no more seeds would give one."""
    verdict = replace(verdict, kind="undefined", settled=True, tau=None, level=math.nan)
    return replace(verdict, sentence=unjudged.undefined(verdict, question))


def _alone(question: SweepConfig, confirm: ConfirmConfig, runs: pd.DataFrame) -> Verdict:
    """Nothing to compare: how low it gets, and how much that depends on the seed."""
    name = question.reference
    side = confirm_runs(question, runs, name)
    verdict = Verdict(
        name, name, "unmeasured", question.endpoint, level=1 - confirm.alpha, weights={name: 1.0}
    )
    if side["status"].isin(LOST).any():
        verdict = replace(verdict, kind="unstable", settled=True, n=len(side), tau=None)
        return replace(verdict, sentence=unjudged.unstable(verdict, question, [side], 0, 0))
    seeds, (values,) = paired([side])
    if not seeds:
        return replace(verdict, sentence=unjudged.alone(verdict))
    low, high = t_interval(values, alpha=confirm.alpha)
    verdict = replace(
        verdict,
        kind="measured",
        difference=float(values.mean()),
        differences=tuple(float(x) for x in values),
        low=low,
        high=high,
        n=len(seeds),
        seeds=seeds,
        settled=len(seeds) >= confirm.max_seeds,
    )
    return replace(verdict, sentence=unjudged.alone(verdict))


def _unconfirmed(question: SweepConfig, runs: pd.DataFrame, name: str) -> Verdict:
    """Without fresh seeds there is a description, and no verdict."""
    reference, scale = question.reference_of(name), question.scale_of(name)
    verdict = Verdict(
        name, reference, "unmeasured", question.tuning_metric, settled=True, tau=None, scale=scale
    )
    best: dict[str, float] = {}
    sign = question.objectives[0].sign
    for variant in (name, reference):
        if question.tune:
            losses = numbers(trials_of(question, runs, variant), "loss")
        else:
            rows = runs[(runs["variant"] == variant) & (runs["status"] == "complete")]
            losses = sign * numbers(rows, question.tuning_metric)
        losses = losses[np.isfinite(losses)]
        if len(losses):
            best[variant] = sign * float(losses.min())
    return replace(verdict, sentence=unjudged.unconfirmed(verdict, question, best))


def _with_holm(verdicts: list[Verdict]) -> list[Verdict]:
    """Holm over all comparisons that can be made; one that has no p-value yet counts as 1."""
    compared = {v.name: v for v in verdicts if v.kind != "undefined"}
    p = {
        name: v.p_value
        for name, v in compared.items()
        if v.p_value is not None and v.kind != "unstable"
    }
    if not p:
        return verdicts
    adjusted = holm([p.get(name, 1.0) for name in compared])
    found = dict(zip(compared, adjusted, strict=True))
    return [replace(v, p_holm=float(found[v.name])) if v.name in p else v for v in verdicts]


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
