"""The answer of a search in sentences that need no glossary.

Design choices:
- what was found comes first, then what it cost, then what it is worth: the best of several looks
  better than it is, and only fresh seeds say by how much;
- what would change the answer is said beside it, by `search_notes`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lab.config.sweep import SweepConfig
from lab.report.judging.verdict import Verdict
from lab.report.judging.wording import amount, percent, plural
from lab.report.searches.found import fresh_values, front, ranked, trial_sd
from lab.report.searches.notes import beside, important, notes
from lab.report.searches.search import Search, Trial
from lab.report.terms import (
    assignments,
    is_confirmed_otherwise,
    listed,
    measured,
    quantity,
    reading,
    share,
    with_unit,
)
from lab.stats.paired import noise_floor


@dataclass(frozen=True)
class Answer:
    """`says` is the answer, `notes` what should be known beside it; sentences."""

    says: list[str]
    notes: list[str]


def answer(
    question: SweepConfig, search: Search, runs: pd.DataFrame, verdicts: Sequence[Verdict]
) -> list[str]:
    found = answered(question, search, runs, verdicts)
    return [*found.says, *found.notes]


def answered(
    question: SweepConfig, search: Search, runs: pd.DataFrame, verdicts: Sequence[Verdict]
) -> Answer:
    best = ranked(search)
    if not best:
        return Answer([_none(search), *_cost(search)], beside(question, search))
    if len(search.objectives) > 1:
        return Answer(
            [*_front(search), *_cost(search)], [*important(search), *beside(question, search)]
        )
    return Answer(
        [
            _best(search, best[0]),
            *_cost(search),
            *_confirmed(question, search, best[0], runs, verdicts),
        ],
        notes(question, search, best, runs),
    )


def _none(search: Search) -> str:
    if not search.ended:
        return "No trial has ended yet."
    return f"None of {plural(len(search.ended), 'trial')} was trained to its end: {_fates(search)}."


def _best(search: Search, best: Trial) -> str:
    metric, n = search.objectives[0].metric, len(search.ended)
    so_far = " so far" if search.count("running") else ""
    which = "The only trial" if n == 1 else f"The best of {plural(n, 'trial')}{so_far}"
    assert best.values
    return (
        f"{which} has {assignments(best.settings)}: {quantity(metric)} "
        f"{_spread(best, metric)} ({_seeds(best)}trial {best.number})."
    )


def _spread(trial: Trial, metric: str) -> str:
    assert trial.values
    sd = trial_sd(trial)
    if not sd > 0:
        return with_unit(reading(metric, trial.values[0]), metric)
    return with_unit(f"{amount(trial.values[0], doubt=sd)} ± {amount(sd)}", metric)


def _seeds(trial: Trial) -> str:
    n = len(trial.replicates)
    return f"mean and SD over {n} seeds, " if trial_sd(trial) > 0 else ""


def _cost(search: Search) -> list[str]:
    """How the trials ended, and what share of the tokens was spent."""
    tokens, fates = search.tokens, _fates(search)
    if tokens.spent == 0:
        return [f"{fates}."] if fates else []
    if tokens.share is not None and tokens.spent < tokens.full:
        spent = (
            f"{share(tokens.share)} of the tokens that all trials to their end would have taken "
            f"({_millions(tokens.spent, tokens.full)})"
        )
    else:
        spent = f"{_millions(tokens.spent)} tokens"
    text = f"the search trained on {spent}."
    return [f"{fates}; {text}" if fates else f"The {text.removeprefix('the ')}"]


def _fates(search: Search) -> str:
    """`11 trials were given up early, 1 diverged and 2 failed`."""
    fates = {"pruned": "given up early", "diverged": "diverged", "failed": "failed"}
    counts = {word: search.count(state) for state, word in fates.items()}
    parts = [(n, word) for word, n in counts.items() if n]
    if not parts:
        return ""
    (n, word), *others = parts
    be = ("was " if n == 1 else "were ") if word == "given up early" else ""
    return listed([f"{plural(n, 'trial')} {be}{word}", *(f"{m:,} {other}" for m, other in others)])


def _confirmed(
    question: SweepConfig,
    search: Search,
    best: Trial,
    runs: pd.DataFrame,
    verdicts: Sequence[Verdict],
) -> list[str]:
    """What fresh seeds say of the best trial's settings."""
    metric, several = search.objectives[0].metric, len(search.ended) > 1
    if question.confirm is None:
        if not several or metric.startswith("model."):
            return []
        return [
            "Nothing was confirmed with fresh seeds, and the best of several looks better than "
            "it is; with a section confirm in the question, fresh seeds would tell by how much."
        ]
    verdict = verdicts[0]
    if verdict.kind == "unstable":
        return [f"With fresh seeds, {verdict.sentence}"]
    if verdict.kind != "measured":
        return ["Its settings have not been trained with fresh seeds yet."]
    sd, half = noise_floor(verdict.differences), (verdict.high - verdict.low) / 2
    mean = amount(verdict.difference, doubt=half)
    if math.isinf(half):
        reach, basis = mean, "no interval from one seed"
    else:
        reach = f"{mean} ± {amount(half)}"
        basis = (
            f"{percent(verdict.level)} interval for the mean; SD over seeds, the seed noise, "
            f"{amount(sd)}"
        )
    text = (
        f"Trained again with {plural(verdict.n, 'fresh seed')}, its settings reach a "
        f"{quantity(verdict.metric)} of {with_unit(reach, verdict.metric)} ({basis})."
    )
    if is_confirmed_otherwise(question):
        text += (
            f" The search chose by the {quantity(metric)}; a confirmation goes by the "
            f"{quantity(verdict.metric)}, of which less is better."
        )
    return [text, *([_honest(question, best, runs)] if several else [])]


def _honest(question: SweepConfig, best: Trial, runs: pd.DataFrame) -> str:
    """Selection made visible: the same number in the search and on seeds that nothing chose."""
    text = "The best of several trials looks better than it is, so the fresh mean is the honest one"
    metric, fresh = question.tuning_metric, fresh_values(question, runs)
    if not fresh or not best.values or metric.startswith("model."):
        return f"{text}."
    return (
        f"{text}: its {quantity(metric)} was {reading(metric, best.values[0])} in the search and "
        f"is {with_unit(reading(metric, float(np.mean(fresh))), metric)} on the fresh seeds."
    )


def _front(search: Search) -> list[str]:
    trials, n = front(search), len(search.ended)
    names = [quantity(objective.metric) for objective in search.objectives]
    if len(trials) == 1:
        best = f"Trial {trials[0].number} is the best of {plural(n, 'trial')}"
        what = f"{assignments(trials[0].settings)} ({_values(search, trials[0])})"
        return [f"{best} in {listed(names)} at once: {what}."]
    text = (
        f"{len(trials)} of {plural(n, 'trial')} lie on the Pareto front of {listed(names)}: "
        "no trial is better in one of these without being worse in another."
    )
    ends = []
    for index, objective in enumerate(search.objectives):
        end = min(trials, key=lambda t: objective.sign * (t.values or [math.inf])[index])
        most = "lowest" if objective.sign > 0 else "highest"
        ends.append(
            f"the {most} {quantity(objective.metric)} in trial {end.number} "
            f"({_values(search, end)})"
        )
    return [text, f"It reaches {listed(ends)}."]


def _values(search: Search, trial: Trial) -> str:
    pairs = zip(search.objectives, trial.values or [], strict=False)
    return ", ".join(measured(objective.metric, value) for objective, value in pairs)


def _millions(*counts: int) -> str:
    """`7.2 of 18.9 million`."""
    words = ((1e9, 1e9, " billion"), (1e6, 1e6, " million"), (1e4, 1e3, " thousand"))
    size, word = next((x[1:] for x in words if counts[-1] >= x[0]), (1, ""))
    shown = [f"{count / size:,.1f}" if word else f"{count:,}" for count in counts]
    return " of ".join(shown) + word
