"""What each factor does, and how much that depends on another: a row an effect."""

from collections.abc import Sequence

import pandas as pd

from lab.config.sweep import SweepConfig
from lab.report.judging.verdict import Verdict
from lab.report.tables.evidence import SHOWS, evidence, framed, how_to_read, measured
from lab.report.tables.table import Table

WORDS = {"main": "main effect", "interaction": "interaction"}
NOTE = (
    "A main effect is the difference from a factor's first level, averaged over the levels of all "
    "other factors. An interaction is how much that difference changes from the first level of "
    "another factor to the one named."
)


def effects(
    question: SweepConfig, verdicts: Sequence[Verdict], runs: pd.DataFrame, timing: pd.DataFrame
) -> Table | None:
    """Main effects and two-way interactions; None where there are no factors."""
    told = [v for v in measured(verdicts) if v.effect in WORDS]
    if not told:
        return None
    rows = [
        {
            "Effect": v.name,
            "Kind": WORDS[v.effect],
            "Verdict": v.kind,
            **evidence(v, question, runs, timing),
        }
        for v in told
    ]
    note = f"{NOTE} {how_to_read(question, told, what='level − first level')}"
    return Table("effects", framed(rows), SHOWS, note, upright=True)
