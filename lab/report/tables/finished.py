"""The runs that a report tells of: those that were judged, and on which split."""

import pandas as pd

from lab.config.sweep import SweepConfig


def finished(question: SweepConfig, runs: pd.DataFrame) -> pd.DataFrame:
    """Complete confirm runs; complete plain runs where nothing is confirmed."""
    phase = "confirm" if question.confirm else "run"
    return runs[(runs["phase"] == phase) & (runs["status"] == "complete")]


def judged_split(question: SweepConfig) -> str:
    """`test` or `val`: what these runs were judged on."""
    return question.endpoint.split("/")[0] if question.confirm else "val"
