"""The trials of a search as tables: the best, the front, what was skipped, what it cost."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from lab.config.space import Scalar
from lab.config.sweep import SweepConfig
from lab.report.searches.found import front, ranked, trial_sd
from lab.report.searches.search import STATES, Search, Trial
from lab.report.tables.table import Show, Table, decimals, share, whole
from lab.report.terms import assignments, header, reading, setting, short_names

TOP = 10
ENDS = {
    "complete": "Complete",
    "pruned": "Given up early",
    "diverged": "Diverged",
    "failed": "Failed",
    "running": "Running",
}


def best(question: SweepConfig, search: Search) -> Table | None:
    """The ten best trials of a search for one objective."""
    trials = ranked(search)
    if len(search.objectives) > 1 or not trials:
        return None
    spread = any(trial_sd(trial) > 0 for trial in trials)
    rows: list[dict[str, Any]] = []
    for rank, trial in enumerate(trials[:TOP], start=1):
        row = {"Rank": rank, **_row(question, search, trial, spread=spread)}
        rows.append(row | _sizes(search, trial))
    note = f"{len(trials)} trials were trained to their end." if len(trials) > TOP else ""
    return Table("best", _frame(rows), _shows(question, search), note)


def pareto(question: SweepConfig, search: Search) -> Table | None:
    """The front of a search for several objectives."""
    if len(search.objectives) < 2 or not search.complete:
        return None
    rows = [_row(question, search, t, spread=False) | _sizes(search, t) for t in front(search)]
    note = "Trials that no other beats in one objective without losing in another."
    return Table("front", _frame(rows), _shows(question, search), note)


def skipped(question: SweepConfig, search: Search) -> Table | None:
    """Settings that were ruled out before a run was trained."""
    if not search.skipped:
        return None
    assert question.tune is not None
    names = short_names(question.tune.space)
    rows = [
        {
            **({"Variant": left.variant} if question.comparisons else {}),
            "Settings": assignments(left.settings, names),
            "Ruled out because": left.reason,
        }
        for left in search.skipped
    ]
    more = search.n_skipped - len(search.skipped)
    return Table(
        "skipped", _frame(rows), note=f"And {more:,} more." if more > 0 else "", prose=True
    )


def tokens(search: Search) -> Table | None:
    """What was trained on, against what all trials to their end would have taken."""
    if not search.tokens.full:
        return None
    rows = []
    for state in STATES:
        side = [trial for trial in search.trials if trial.state == state]
        spent, full = sum(t.tokens for t in side), sum(t.full_tokens for t in side)
        if side:
            rows.append(_spent(ENDS[state], len(side), spent, full))
    summed = sum(row["Tokens trained on"] for row in rows)
    rows.append(_spent("All", len(search.trials), search.tokens.spent, search.tokens.full))
    shows = {"Trials": whole, "Tokens trained on": whole, "To the end": whole, "Share": share}
    note = (
        "A run that several trials share is counted once in the last row."
        if summed != search.tokens.spent
        else ""
    )
    return Table("tokens", _frame(rows), shows, note)


def _spent(name: str, trials: int, spent: int, full: int) -> dict[str, Any]:
    part = spent / full if full else math.nan
    return {
        "Trials that": name,
        "Trials": trials,
        "Tokens trained on": spent,
        "To the end": full,
        "Share": part,
    }


def _row(question: SweepConfig, search: Search, trial: Trial, *, spread: bool) -> dict[str, Any]:
    """A trial's number, what it came to, and its settings by short names."""
    settings = {short: _cell(trial, name) for name, short in _headers(question).items()}
    values = zip(search.objectives, trial.values or [], strict=False)
    row = {"Trial": trial.number, **{header(o.metric): value for o, value in values}}
    return row | ({"SD over seeds": trial_sd(trial)} if spread else {}) | settings


def _cell(trial: Trial, name: str) -> Scalar:
    """None and booleans as a question writes them; nothing for what is not there."""
    if name not in trial.settings:
        return None
    value = trial.settings[name]
    return setting(value) if value is None or isinstance(value, bool) else value


def _sizes(search: Search, trial: Trial) -> dict[str, Any]:
    metrics = {objective.metric for objective in search.objectives}
    found: dict[str, Any] = {"Tokens": trial.tokens}
    if "model.n_params" not in metrics and "n_params" in trial.counts:
        found["Parameters"] = trial.counts["n_params"]
    return found


def _headers(question: SweepConfig) -> dict[str, str]:
    """A header a setting, none like that of another column."""
    assert question.tune is not None
    names = short_names(question.tune.space)
    taken = {"Rank", "Trial", "Tokens", "Parameters", "SD over seeds"}
    taken |= {header(objective.metric) for objective in question.objectives}
    return {
        name: f"{short} (setting)" if short in taken else short for name, short in names.items()
    }


def _shows(question: SweepConfig, search: Search) -> dict[str, Show]:
    shows: dict[str, Show] = dict.fromkeys(_headers(question).values(), setting)
    for objective in search.objectives:
        shows[header(objective.metric)] = _reading(objective.metric)
    return shows | {"SD over seeds": decimals(4), "Tokens": whole, "Parameters": whole}


def _reading(metric: str) -> Show:
    return lambda value: reading(metric, value)


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Values as they are: a whole number beside a missing one stays whole."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return pd.DataFrame(rows, columns=columns, dtype="object")
