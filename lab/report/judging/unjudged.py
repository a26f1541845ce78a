"""Sentences where no difference is judged: runs were lost, nothing is compared, or confirmed."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from lab.config.sweep import SweepConfig
from lab.report.judging import wording
from lab.report.judging.verdict import Verdict
from lab.report.terms import at_length, quantity, reading, split_of, with_unit


def unstable(
    verdict: Verdict,
    question: SweepConfig,
    sides: Sequence[pd.DataFrame],
    wins: int,
    losses: int,
) -> str:
    """Who lost which runs, and what ranks say."""
    a, _ = wording.named(verdict, question)
    parts = [_losses(side) for side in sides if side["status"].isin(("diverged", "failed")).any()]
    text = f"unstable: {'; '.join(parts)}."
    if verdict.variant == verdict.reference:
        return f"{a} is {text}"
    ranks = (
        f" By rank, a lost run last, {a} was better on {wins} of "
        f"{wording.plural(wins + losses, 'seed')} (sign test p = {verdict.p_value:.2g})."
        if verdict.p_value is not None and wins + losses
        else ""
    )
    return wording.begun(
        verdict, question, f"{wording.subject(verdict, question)} is {text}{ranks}"
    )


def undefined(verdict: Verdict, question: SweepConfig) -> str:
    """Who has no answer at the length that is judged, and why."""
    a, b = wording.named(verdict, question)
    lacking = next(arm for arm in verdict.weights if not question.answers(arm))
    model = question.variant(lacking).model
    return wording.begun(
        verdict,
        question,
        f"{question.variant_of(lacking)} has no answer{at_length(verdict.metric)}: its positions "
        f"end at {model.longest:,}, so {'it' if lacking == verdict.variant else a} is not compared "
        f"with {b} there.",
    )


def alone(verdict: Verdict) -> str:
    if verdict.n == 0:
        return f"{verdict.variant} has no finished run yet."
    half = (verdict.high - verdict.low) / 2
    mean = wording.amount(verdict.difference, doubt=half)
    if math.isinf(half):
        return (
            f"{verdict.variant} reaches {_on_split(mean, verdict.metric)} (one seed: no interval)."
        )
    reach = _on_split(f"{mean} ± {wording.amount(half, doubt=half)}", verdict.metric)
    return (
        f"{verdict.variant} reaches {reach} "
        f"({wording.percent(verdict.level)} interval for the mean, {wording.seeds(verdict)})."
    )


def unconfirmed(verdict: Verdict, question: SweepConfig, best: Mapping[str, float]) -> str:
    a, b, metric = verdict.variant, verdict.reference, verdict.metric
    if a not in best:
        return f"{a} has no finished run yet."
    how = (
        f"the best of {wording.plural(question.tune.n_trials, 'tuning trial')}"
        if question.tune
        else "a single run"
    )
    reach = _on_split(_number(best[a], metric), metric)
    if a == b:
        return f"{a} reaches {reach} in {how}; it was not repeated with fresh seeds."
    against = f"{wording.amount(best[b])} for {b}" if b in best else f"nothing finished for {b}"
    why = (
        "the best of several looks better than it is"
        if question.tune
        else "another seed would give another number"
    )
    return (
        f"{a} reaches {reach} in {how}, against {against}. Nothing was confirmed with fresh seeds, "
        f"so this is a description and no verdict: {why}."
    )


def _number(value: float, metric: str) -> str:
    return wording.amount(value) if metric.startswith(("val/", "test/")) else reading(metric, value)


def _on_split(number: str, metric: str) -> str:
    """`1.93 nats a token on the test split`, or what it is where no split was read."""
    if metric.endswith("/excess"):
        return f"{with_unit(number, metric)} over the floor on the {split_of(metric)} split"
    if metric.startswith(("val/", "test/")):
        where = f"on the {split_of(metric)} split{at_length(metric)}"
        return f"{with_unit(number, metric)} {where}"
    return f"{with_unit(number, metric)} ({quantity(metric)})"


def _losses(side: pd.DataFrame) -> str:
    name, n = side["variant"].iloc[0], len(side)
    parts = []
    for status in ("diverged", "failed"):
        rows = side[side["status"] == status]
        if len(rows):
            seeds = ", ".join(str(int(seed)) for seed in rows["seed"])
            parts.append(
                f"{len(rows)} of {name}'s {wording.plural(n, 'run')} {status} (seed {seeds})"
            )
    return ", ".join(parts)
