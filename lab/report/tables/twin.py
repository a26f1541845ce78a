"""The control: each reference against itself from other initial values."""

import math
from collections.abc import Sequence

import pandas as pd

from lab.config.sweep import SweepConfig
from lab.report.judging.verdict import Verdict
from lab.report.tables.evidence import SHOWS, evidence, framed, how_to_read, measured
from lab.report.tables.table import Table

NOTE = (
    "A twin has its reference's config, settings and batches, and initial values of its own: all "
    "that it differs by is chance."
)

NEEDLESS = ("Tuning may hide", "More seeds", "Worker minutes for them")  # of equal settings


def twin(
    question: SweepConfig, controls: Sequence[Verdict], runs: pd.DataFrame, timing: pd.DataFrame
) -> Table | None:
    """A row a twin; None where there is none, or none has a seed yet."""
    told = measured(controls)
    if not told:
        return None
    rows = [
        {
            "Twin": v.variant,
            "Of": v.reference,
            "Control": said(v),
            **evidence(v, question, runs, timing),
        }
        for v in told
    ]
    once = f"one twin in {1 / (1 - told[0].level):.0f} is flagged by right."
    note = f"{NOTE} {how_to_read(question, told, what='twin − reference')} At this level {once}"
    frame = framed(rows).drop(columns=[*NEEDLESS], errors="ignore")
    return Table("twin", frame, SHOWS, note, upright=True)


def said(verdict: Verdict) -> str:
    """`fine`, `flagged`, `unstable`, or that nothing is known yet."""
    if verdict.kind == "unstable":
        return "unstable"
    if verdict.kind == "decided":
        return "flagged"
    return "fine" if math.isfinite(verdict.high - verdict.low) else "not known yet"
