"""Whether a comparison is at its end: the one rule for all that speaks of an end."""

from collections.abc import Sequence

import pandas as pd

from lab.report.judging.verdict import Verdict


def goes_on(runs: pd.DataFrame, verdicts: Sequence[Verdict]) -> bool:
    """A run has not ended, or a verdict wants more seeds. `runs` is `Sweep.runs()`."""
    waiting = bool(runs["status"].isin(("running", "planned")).any())
    return waiting or not all(verdict.settled for verdict in verdicts)
