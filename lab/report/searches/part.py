"""What the trials add to a report: of a search its answer, of a comparison how it was tuned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from lab.config.sweep import SweepConfig
from lab.report.figures import front, history, importance, learning, parallel, slices
from lab.report.judging.edges import edges
from lab.report.judging.verdict import Verdict
from lab.report.searches import tables as search_tables
from lab.report.searches.found import front as front_of
from lab.report.searches.found import ranked, seed_noise, trial_sd, within_noise
from lab.report.searches.search import STATES, Search, Trial
from lab.report.searches.words import Answer, answered
from lab.report.tables.table import Table, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    Draw = Callable[[], Figure | None]

TABLES = ("best", "front", "skipped", "tokens")
FIGURES = ("front", "importance", "slices", "parallel", "history", "learning")


@dataclass(frozen=True)
class SearchPart:
    """`answer` and `facts` are those of a search; a comparison has its verdicts instead."""

    answer: Answer | None
    facts: dict[str, Any] | None
    tables: list[Table | None]
    figures: "dict[str, Draw]"


def search_part(
    question: SweepConfig,
    search: Search | None,
    runs: pd.DataFrame,
    verdicts: Sequence[Verdict],
) -> SearchPart | None:
    """None where there is nothing to add: trials that are only known by their runs are told in a
    search alone."""
    if search is None or not (question.is_search or search.is_kept):
        return None
    figures: dict[str, Draw] = {
        "importance": lambda: importance.importance(question, search),
        "slices": lambda: slices.slices(question, search),
        "history": lambda: history.history(question, search),
    }
    tables = [search_tables.skipped(question, search)]
    if search.count("pruned") or question.is_search:
        tables.append(search_tables.tokens(search))
    if not question.is_search:
        return SearchPart(None, None, tables, figures)
    figures |= {
        "front": lambda: front.front(question, search),
        "parallel": lambda: parallel.parallel(question, search),
        "learning": lambda: learning.learning(question, search, runs),
    }
    tables += [search_tables.best(question, search), search_tables.pareto(question, search)]
    answer = answered(question, search, runs, verdicts)
    return SearchPart(answer, _facts(question, search, runs, answer), tables, figures)


def is_waiting(question: SweepConfig, search: Search) -> bool:
    """Whether trials are still to come. Settings that were ruled out may leave fewer than asked."""
    if search.count("running") or question.tune is None:
        return True
    return search.is_kept and not search.over


def runs_of_best(question: SweepConfig, search: Search, runs: pd.DataFrame) -> pd.DataFrame:
    """The confirm runs, else those of the best trial, or of the front."""
    if question.confirm and (runs["phase"] == "confirm").any():
        return runs[runs["phase"] == "confirm"]
    best = front_of(search) if len(search.objectives) > 1 else ranked(search)[:1]
    return runs[runs["run"].isin([name for trial in best for name in trial.runs])]


def _facts(
    question: SweepConfig, search: Search, runs: pd.DataFrame, answer: Answer
) -> dict[str, Any]:
    """For a program: `report.json`, key `search`."""
    assert question.tune is not None
    several, best = len(search.objectives) > 1, ranked(search)
    noise = seed_noise(question, search, runs)
    found: dict[str, Any] = {
        "answer": answer.says,
        "notes": answer.notes,
        "objectives": [objective.dump() for objective in search.objectives],
        "n_trials": len(search.trials),
        "states": {state: search.count(state) for state in STATES},
        "tokens": {"spent": search.tokens.spent, "full": search.tokens.full},
        "importance": dict(next(iter(search.importance.values()), {})),
        "n_skipped": search.n_skipped,
        "warm_notes": list(search.warm_notes),
    }
    if several:
        found["front"] = [_trial(trial) for trial in front_of(search)]
    else:
        found["best"] = _trial(best[0]) if best else None
        found["seed_noise"] = noise
        found["within_noise"] = (
            [trial.number for trial in within_noise(best[0], best, noise)] if best else []
        )
        found["edges"] = list(edges(question.tune.space, best[0].settings)) if best else []
    return {name: plain(value) for name, value in found.items()}


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "number": trial.number,
        "settings": dict(trial.settings),
        "values": trial.values,
        "seeds": len(trial.replicates),
        "sd": trial_sd(trial),
        "runs": list(trial.runs),
    }
