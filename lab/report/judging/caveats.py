"""What a reader should know beside a verdict before believing it."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from lab.config.metric import length_of
from lab.config.space import Scalar
from lab.config.sweep import SweepConfig
from lab.report.judging.tuned import Tuned, settings_of, trials_of
from lab.report.judging.verdict import Verdict
from lab.report.judging.wording import amount
from lab.report.records import Record
from lab.report.terms import listed, quantity, setting, unit


def caveats(
    verdict: Verdict,
    question: SweepConfig,
    runs: pd.DataFrame,
    tuned: Sequence[Tuned | None],
) -> tuple[str, ...]:
    """Sentences without a full stop, most weighty first."""
    if verdict.effect == "twin":
        return ()
    found: list[str] = []
    if question.tune is not None:
        found += _about_tau(verdict, question, tuned)
        found += [line for side in tuned if side for line in _about_trials(side)]
        if verdict.effect == "pair":
            found += _at_shared_points(verdict, question, runs)
    confirm = question.confirm
    if verdict.kind == "undecided" and confirm is not None and confirm.margin is None:
        found.append("the plan gives no margin, so 'equivalent' could not be concluded")
    return tuple(found)


def with_executions(verdicts: Sequence[Verdict], records: Sequence[Record]) -> list[Verdict]:
    """The verdicts, with a caveat where the runs of one were executed in more than one way."""
    kinds: dict[str, Counter[str]] = {}
    for record in records:
        if record.phase == "confirm" and record.status == "complete":
            kind = record.order.get("execution", "alone")
            kinds.setdefault(record.variant, Counter())[kind] += 1
    found = []
    for verdict in verdicts:
        of = sum((kinds.get(arm, Counter()) for arm in verdict.weights), Counter[str]())
        if len(of) > 1:
            mixed = (
                f"{of['alone']} of its runs were trained alone and {of['cohort']} in cohorts, so a "
                "part of a difference may be rounding; --rerun trains them all in one way"
            )
            verdict = replace(verdict, caveats=(mixed, *verdict.caveats))
        found.append(verdict)
    return found


def _about_tau(verdict: Verdict, question: SweepConfig, tuned: Sequence[Tuned | None]) -> list[str]:
    assert question.tune is not None
    if verdict.tau is None:
        return [
            "what tuning left on the table could not be estimated from these trials, so nothing "
            "is concluded beyond these settings"
        ]
    found, sides = [], "both sides" if len(tuned) == 2 else "all sides"
    if math.isfinite(verdict.low) and verdict.tau > 0:
        found.append(
            f"the interval is widened on each side by {amount(verdict.tau)} "
            f"{unit(verdict.metric)}, what the tuning of {sides} may have left on the table"
        )
    by_floor = [side.variant for side in tuned if side and side.by_floor]
    if by_floor and math.isfinite(verdict.low):
        found.append(
            f"what tuning may have left of {listed(by_floor)} is taken to be all that the chosen "
            "trial's loss exceeds the floor by, at the upper end of its interval: no settings gain "
            "more"
        )
    if len(question.tune.space) > 1 and len(by_floor) < len(tuned):
        found.append("that estimate takes the tuned settings to act independently of each other")
    if length := length_of(verdict.metric):
        found.append(
            "settings were chosen, and what tuning may have left was estimated, by the "
            f"{quantity(question.tuning_metric)} at the length of training, not at {length:,} "
            "tokens"
        )
    return found


def _about_trials(side: Tuned) -> list[str]:
    found = [
        f"{side.variant} chose {name}={setting(side.chosen[name])}, at an edge of its range: "
        "a wider range may find better"
        for name in side.edges
    ]
    if side.lost:
        found.append(
            f"{side.lost} of {side.trials} tuning trials of {side.variant} diverged or failed"
        )
    return found


def _at_shared_points(verdict: Verdict, question: SweepConfig, runs: pd.DataFrame) -> list[str]:
    """Whether a winner wins at its own best settings only."""
    if verdict.kind != "decided" or length_of(verdict.metric):
        return []  # trials are not judged at other lengths
    a, b = (_carried_on(question, runs, name) for name in (verdict.variant, verdict.reference))
    shared = [place for place in a if place in b]
    ours, theirs = np.array([a[x] for x in shared]), np.array([b[x] for x in shared])
    winner, loser = (ours, theirs) if verdict.difference < 0 else (theirs, ours)
    wins, played = int(np.sum(winner < loser)), int(np.sum(winner != loser))
    if played < 2 or 2 * wins > played:
        return []
    name = verdict.variant if verdict.difference < 0 else verdict.reference
    return [
        f"{name} wins at its own best settings only: "
        f"it is lower at {wins} of the {played} settings that both tried"
    ]


def _carried_on(
    question: SweepConfig, runs: pd.DataFrame, name: str
) -> dict[frozenset[tuple[str, Scalar]], float]:
    """The losses of the trials that were not given up, the first of each settings."""
    found: dict[frozenset[tuple[str, Scalar]], float] = {}
    for row in trials_of(question, runs, name).to_dict("records"):
        if row["state"] != "pruned":
            place = settings_of(question, row)
            found.setdefault(frozenset(place.items()), float(row["loss"]))
    return found
