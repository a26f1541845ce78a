"""The trials of a search as a table: `Sweep.trials()`."""

from typing import Any

import pandas as pd

from lab.config.sweep import SweepConfig
from lab.report.records import column, setting_kinds
from lab.report.searches.search import Search


def table(question: SweepConfig, search: Search | None) -> pd.DataFrame:
    """A row a trial: settings by path, objectives (means over seeds), how it ended and why.

    A setting that is not there in a trial is NaN; one of words, or that may be None, is as it is.
    """
    trials = search.trials if search else []
    kinds = setting_kinds(question, (trial.settings for trial in trials))
    metrics = [objective.metric for objective in question.objectives]
    columns = ["variant", "number", "state", *kinds, *metrics]
    columns += ["seeds", "tokens", "source", "reason"]
    rows = [
        {
            "variant": trial.variant,
            "number": trial.number,
            "state": trial.state,
            **{column(name): value for name, value in trial.settings.items()},
            **dict(zip(metrics, trial.values or [], strict=False)),
            "seeds": len(trial.replicates),
            "tokens": trial.tokens,
            "source": trial.source,
            "reason": trial.reason,
        }
        for trial in trials
    ]
    types: dict[str, Any] = dict.fromkeys(("number", "seeds", "tokens"), "Int64")
    types |= dict.fromkeys(metrics, "float64")
    return pd.DataFrame(rows, columns=columns, dtype="object").astype({**kinds, **types})
