"""What should be known beside the answer of a search: ties, edges, what was never tried."""

import math
from collections.abc import Sequence

import pandas as pd

from lab.config.space import Choices
from lab.config.sweep import SweepConfig
from lab.report.judging.edges import edges
from lab.report.judging.tuned import tuning_of
from lab.report.judging.wording import amount, plural
from lab.report.searches.found import seed_noise, within_noise
from lab.report.searches.search import Search, Trial
from lab.report.terms import listed, quantity, setting, share, with_unit

SHOWN = 6  # trials named in a sentence


def notes(
    question: SweepConfig, search: Search, ranked: Sequence[Trial], runs: pd.DataFrame
) -> list[str]:
    """Of a search for one objective; `ranked` as `found.ranked` has them, one or more."""
    return [
        *_ties(ranked, seed_noise(question, search, runs)),
        *_edges(question, ranked[0]),
        *_left(question, runs),
        *important(search),
        *beside(question, search),
    ]


def _ties(trials: Sequence[Trial], noise: float) -> list[str]:
    if math.isnan(noise) or len(trials) < 2:
        return []
    tied, basis = within_noise(trials[0], trials, noise), f"(SD over seeds {amount(noise)})"
    if not tied:
        return [f"No other trial lies within the seed noise of the best {basis}."]
    names = [str(trial.number) for trial in tied[:SHOWN]]
    more = [f"{len(tied) - SHOWN} more"] if len(tied) > SHOWN else []
    which = f"Trial {names[0]} lies" if len(tied) == 1 else f"Trials {listed([*names, *more])} lie"
    return [f"{which} within the seed noise of the best {basis}: which is better is not known."]


def _edges(question: SweepConfig, best: Trial) -> list[str]:
    assert question.tune is not None
    space = question.tune.space
    return [
        f"{name} = {setting(best.settings[name])} lies at "
        + ("the end of its list" if isinstance(space[name], Choices) else "an edge of its range")
        + f", {space[name].shown()}: what lies beyond may be better."
        for name in edges(space, best.settings)
    ]


def _left(question: SweepConfig, runs: pd.DataFrame) -> list[str]:
    tuned = tuning_of(question, runs, question.reference)
    if tuned is None or tuned.pruned or not tuned.tau or float(f"{tuned.tau:.4f}") == 0:
        return []
    gain = with_unit(amount(tuned.tau), question.tuning_metric)
    if tuned.by_floor:
        return [
            f"Better settings can gain {gain} at most: the best trial's excess over the floor, at "
            "the upper end of its interval."
        ]
    return [
        "By the curve through the trials, better settings within the ranges should gain about "
        f"{gain}."
    ]


def important(search: Search) -> list[str]:
    shares = next(iter(search.importance.values()), {})
    most = sorted(shares.items(), key=lambda pair: -pair[1])[:3]
    named = [f"{name} ({share(part)})" for name, part in most if part >= 0.05]
    if len(shares) < 2 or not named:
        return []
    metric = search.objectives[0].metric
    return [f"What moved the {quantity(metric)} most: {listed(named)}."]


def _fewer(question: SweepConfig, search: Search) -> list[str]:
    """Where the search ended before it had made all its trials."""
    assert question.tune is not None
    asked = question.tune.n_trials * len(question.arms) - search.n_skipped
    made = len(search.trials)
    if not (search.is_kept and search.over) or made >= asked:
        return []
    why = "no others were left to try around the best" if search.complete else "there is no best"
    return [f"{made} of {asked} trials were made: {why}, so nothing was refined further."]


def beside(question: SweepConfig, search: Search) -> list[str]:
    """What was never tried, and what was known before."""
    found = _fewer(question, search)
    if search.n_skipped:
        many = plural(search.n_skipped, "suggestion")
        were = "was" if search.n_skipped == 1 else "were"
        first = search.skipped[0].reason.rstrip(".") if search.skipped else ""
        which = "" if search.n_skipped == 1 else "for the first, "
        why = f" ({which}{first})" if first else ""
        found.append(f"{many} {were} ruled out before training{why}.")
    if search.warm:
        trials = plural(len(search.warm), "trial")
        found.append(f"The sampler was told {trials} of an earlier sweep.")
    return [*found, *(f"{note.strip().rstrip('.')}." for note in search.warm_notes)]
