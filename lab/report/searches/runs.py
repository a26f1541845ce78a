"""The trials of a search put together from its runs, for a folder that has no `trials.json`.

A run that two trials shared is one trial here, and what the sampler was told is not known.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from lab.config.objective import value_of
from lab.config.sweep import SweepConfig
from lab.report.records import Record
from lab.report.searches.search import Search, State, Tokens, Trial
from lab.result import how_it_diverged

Curve = Callable[[str], pd.DataFrame]


def search_of_runs(question: SweepConfig, records: Sequence[Record], *, curve: Curve) -> Search:
    """`curve` reads the metrics of a run by its name, where its result does not hold them."""
    assert question.tune is not None
    tuning = [r for r in records if r.phase == "tune" and r.variant in question.arms]
    grouped = itertools.groupby(
        tuning, key=lambda r: (r.variant, r.trial, r.trial is None and r.run)
    )
    trials = [
        _trial(question, number, list(found), curve) for number, (_, found) in enumerate(grouped)
    ]
    spent = sum(int(record.result.get("tokens") or 0) for record in tuning)
    return Search(
        objectives=list(question.objectives),
        seeds=question.tune.seeds,
        trials=trials,
        tokens=Tokens(spent, sum(trial.full_tokens for trial in trials)),
        is_kept=False,
    )


def _whose(run: Record) -> tuple[str, int | str]:
    return run.variant, run.run if run.trial is None else run.trial


def _trial(question: SweepConfig, number: int, runs: Sequence[Record], curve: Curve) -> Trial:
    assert question.tune is not None
    first, seeds = runs[0], question.tune.seeds
    settings = dict(first.order.get("settings") or {})
    config = question.variant(first.variant, settings)
    replicates = [values for run in runs if (values := _values(question, run))]
    state = _state([run.status for run in runs], len(replicates), seeds)
    return Trial(
        variant=first.variant,
        number=number if first.trial is None else first.trial,
        state=state,
        settings=settings,
        values=_means(replicates) if state == "complete" else None,
        replicates=replicates,
        intermediate=_intermediate(question, first, curve),
        runs=[run.run for run in runs],
        tokens=sum(int(run.result.get("tokens") or 0) for run in runs),
        full_tokens=seeds * config.train.steps * config.tokens_per_step,
        counts=_counts(first.part("model")),
        reason=next(filter(None, map(_reason, runs)), None),
    )


def _reason(run: Record) -> str | None:
    if run.status == "diverged":
        return how_it_diverged(run.result)
    found = run.result.get("error")
    return found if isinstance(found, str) else None


def _values(question: SweepConfig, run: Record) -> list[float]:
    """By objective; empty where the run did not end well."""
    found = [value_of(objective.metric, run.result) for objective in question.objectives]
    values = [value for value in found if value is not None and math.isfinite(value)]
    return values if run.status == "complete" and len(values) == len(found) else []


def _state(statuses: Sequence[str], good: int, seeds: int) -> State:
    if "failed" in statuses:
        return "failed"
    if "diverged" in statuses or good < statuses.count("complete"):
        return "diverged"
    if "running" in statuses or "planned" in statuses:
        return "running"
    return "complete" if good == seeds else "pruned"


def _means(replicates: Sequence[Sequence[float]]) -> list[float]:
    return [math.fsum(column) / len(column) for column in zip(*replicates, strict=True)]


def _intermediate(question: SweepConfig, run: Record, curve: Curve) -> dict[int, float]:
    metric = question.tuning_metric
    if seen := run.part("evaluations"):
        return {int(step): float(row[metric]) for step, row in seen.items() if metric in row}
    rows = curve(run.run)
    if metric not in rows:
        return {}
    known = rows[rows[metric].map(math.isfinite)]
    return {int(s): float(v) for s, v in zip(known["step"], known[metric], strict=True)}


def _counts(model: Mapping[str, object]) -> dict[str, int]:
    return {
        name: value
        for name in ("n_params", "flops_per_token")
        if isinstance(value := model.get(name), int)
    }
