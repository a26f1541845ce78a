"""The numbers behind a verdict, alike in every table of verdicts: a row a contrast."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lab.config.sweep import SweepConfig
from lab.report.judging.pairs import confirm_runs
from lab.report.judging.verdict import Verdict
from lab.report.judging.wording import amount, percent, plural
from lab.report.tables.table import Show, bound, decimals, probability, share, short
from lab.report.terms import unit
from lab.stats.paired import EXACT_UP_TO, noise_floor

SHOWS: Mapping[str, Show] = {
    "Difference": bound,
    "Interval from": bound,
    "Interval to": bound,
    "E-value": short,
    "Sign-flip p": probability,
    "p after Holm": probability,
    "Sign-test p": probability,
    "Effect size d_z": decimals(1),
    "P(A > B)": share,
    "Correlation": decimals(2),
    "Noise floor": amount,
    "Tuning may hide": decimals(4),
    "Worker minutes for them": decimals(1),
}
_OPTIONAL = ("p after Holm", "Sign-test p", "More seeds", "Worker minutes for them")


def measured(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Those that rest on seeds: on their mean difference, or on ranks where runs were lost."""
    return [v for v in verdicts if v.weights and v.n]


def evidence(
    verdict: Verdict, question: SweepConfig, runs: pd.DataFrame, timing: pd.DataFrame
) -> dict[str, Any]:
    """The cells of one verdict. `runs` and `timing` are those of the sweep."""
    assert question.confirm is not None
    v, is_unstable = verdict, verdict.kind == "unstable"
    tested = (
        {"E-value": v.e_value}
        if question.confirm.test == "anytime"
        else {"Sign-flip p": None if is_unstable else v.p_value, "p after Holm": v.p_holm}
    )
    confirmed = runs[(runs["phase"] == "confirm") & runs["variant"].isin(list(v.weights))]
    return {
        "Difference": v.difference,
        "Interval from": v.low,
        "Interval to": v.high,
        "Seeds": v.n,
        **tested,
        "Sign-test p": v.p_value if is_unstable else None,
        "Effect size d_z": v.d_z,
        "P(A > B)": v.p_lower,
        "Correlation": v.correlation,
        "Noise floor": _floor(question, runs, v.scale),
        "Tuning may hide": v.tau,
        "Runs spent": len(confirmed),
        "More seeds": v.more_seeds,
        "Worker minutes for them": _minutes(v, timing),
    }


def framed(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of `evidence`, without the columns that no row has something to say in."""
    frame = pd.DataFrame(rows).astype({"More seeds": "Int64"})
    empty = [name for name in _OPTIONAL if name in frame and frame[name].isna().all()]
    return frame.drop(columns=empty)


def how_to_read(question: SweepConfig, verdicts: Sequence[Verdict], *, what: str) -> str:
    """How the numbers are to be read. `what`: the difference, as in `variant − learned`."""
    confirm, stable = question.confirm, [v for v in verdicts if v.kind != "unstable"]
    v = (stable or verdicts)[0]
    assert confirm is not None
    k = 1 if v.effect == "twin" else len(question.judged)
    shared = "" if v.effect == "twin" else f" and {plural(k, 'comparison')}"
    text = (
        f"Differences are {what} in {unit(v.metric)}, paired by seed; below 0 the first is "
        f"better, and P(A > B) is the share of seeds at which it was. The interval is one at "
        f"{percent(v.level)}: 1 − α{'' if v.effect == 'twin' else '/k'} for α = "
        f"{confirm.alpha:g}{shared}. The noise floor is the SD over seeds of the reference."
    )
    if len(stable) < len(verdicts):
        text += (
            " An unstable one has lost runs, and so no mean: the sign test counts the seeds at "
            "which each side ended lower, a lost run last."
        )
    if confirm.test == "anytime":
        return f"{text} An E-value of {k / confirm.alpha:g} or more excludes no difference."
    if stable and v.n <= EXACT_UP_TO:
        least = 0.5 ** (v.n - 1)
        return f"{text} With {plural(v.n, 'seed')} a sign-flip p is never below {least:.2g}."
    return text


def _floor(question: SweepConfig, runs: pd.DataFrame, scale: str | None) -> float:
    side = confirm_runs(question, runs, question.references[scale])
    values = side["endpoint"].to_numpy(dtype=np.float64)
    return noise_floor(values[np.isfinite(values)])


def _minutes(verdict: Verdict, timing: pd.DataFrame) -> float:
    """Of one worker, for the seeds that are still missing on all sides."""
    rows = timing[timing["phase"] == "confirm"]
    sides = (rows[rows["variant"] == arm]["total"].median() for arm in verdict.weights)
    return (verdict.more_seeds or math.nan) * float(sum(sides)) / 60
