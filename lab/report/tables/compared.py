"""What was compared and what came of it, as tables.

Design choices:
- means are over complete confirm runs (over plain runs where nothing was confirmed), and say over
  how many;
- a table that has nothing to say is None.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lab.config.space import Scalar
from lab.config.sweep import SweepConfig
from lab.report.judging.tuned import numbers, trials_of, tuning_of
from lab.report.judging.verdict import Verdict
from lab.report.judging.wording import amount
from lab.report.tables.evidence import SHOWS, evidence, framed, how_to_read, measured
from lab.report.tables.finished import finished, judged_split
from lab.report.tables.table import Show, Table, accuracy, decimals
from lab.report.terms import header, listed, setting, with_unit
from lab.stats.paired import noise_floor


def results(question: SweepConfig, runs: pd.DataFrame) -> Table | None:
    """Mean and spread of what each variant reached."""
    done, split = finished(question, runs), judged_split(question)
    done = done[done["variant"].isin(list(question.arms))]
    judged = f"{split}/{question.endpoint.split('/')[1]}"
    kinds = ("excess", "accuracy") if question.base.data.is_task else ("bpb", "perplexity")
    metrics = dict.fromkeys(
        [judged, f"{split}/loss", "val/loss", *(f"{split}/{kind}" for kind in kinds)]
    )
    rows: list[dict[str, Any]] = []
    for name in question.arms:
        side = done[done["variant"] == name]
        row: dict[str, Any] = {"Variant": name}
        for metric in metrics:
            values = numbers(side, metric)
            values = values[np.isfinite(values)]
            row[header(metric)] = float(values.mean()) if len(values) else math.nan
            if metric == judged:
                row["SD over seeds"] = noise_floor(values)
        rows.append({**row, "Seeds": len(side)})
    if done.empty:
        return None
    frame = pd.DataFrame(rows)
    spread = dict(zip(frame["Variant"], frame["SD over seeds"], strict=True))
    note = "" if question.is_search else _noise(question, spread)
    shows: dict[str, Show] = dict.fromkeys(frame.columns[1:-1], decimals(4))
    shows |= {"SD over seeds": amount}
    shows |= {name: decimals(3) for name in frame.columns if "erplexity" in name}
    shows |= {name: accuracy for name in frame.columns if "accuracy" in name}
    known = frame.drop(columns="SD over seeds").dropna(axis="columns", how="all")
    frame = frame[[name for name in frame if name in known or name == "SD over seeds"]]
    return Table("results", frame, shows, note)


def comparisons(
    question: SweepConfig, verdicts: Sequence[Verdict], runs: pd.DataFrame, timing: pd.DataFrame
) -> Table | None:
    """The evidence behind the verdict on each pair."""
    told = [v for v in measured(verdicts) if v.effect == "pair"]
    if not told:
        return None
    several = len({v.reference for v in told}) > 1
    rows = [
        {
            "Variant": v.variant,
            **({"Against": v.reference} if several else {}),
            "Verdict": v.kind,
            **evidence(v, question, runs, timing),
        }
        for v in told
    ]
    what = f"variant − {'the one it is against' if several else told[0].reference}"
    note = how_to_read(question, told, what=what)
    return Table("comparisons", framed(rows), SHOWS, note, upright=True)


def tuning(question: SweepConfig, runs: pd.DataFrame) -> Table | None:
    """How each variant was tuned, and how much it depends on that."""
    if question.tune is None:
        return None
    rows, best = [], f"Best {header(question.tuning_metric).lower()}"
    for name in question.arms:
        tuned = tuning_of(question, runs, name)
        if tuned is None:
            continue
        losses = trials_of(question, runs, name)["loss"]
        rows.append(
            {
                "Variant": name,
                "Trials": tuned.trials,
                "Lost": tuned.lost,
                "Given up early": tuned.pruned,
                **{name: _known(tuned.chosen, name) for name in question.tune.space},
                "At an edge of its range": ", ".join(tuned.edges) or "no",
                best: losses.min(),
                "Tuning may hide": tuned.tau,
                "Sensitivity": tuned.sensitivity,
            }
        )
    if not rows:
        return None
    frame = pd.DataFrame(rows)
    if not frame["Given up early"].any():
        frame = frame.drop(columns="Given up early")
    shows: dict[str, Show] = {
        **dict.fromkeys(question.tune.space, setting),
        best: decimals(4),
        "Tuning may hide": decimals(4),
        "Sensitivity": decimals(3),
    }
    floor = ", at most what is left above the floor" if question.base.data.is_task else ""
    note = (
        "Lost trials diverged or failed, and count as the worst. 'Tuning may hide' is what better "
        f"settings should still gain by the fitted curve{floor}. Sensitivity is the mean loss over "
        "the searched rates, no worse than at the start, minus the best (Wortsman et al. 2023)."
    )
    return Table("tuning", frame, shows, note)


def _noise(question: SweepConfig, spread: Mapping[str, float]) -> str:
    """`The noise floor, the SD over seeds, is 0.0081 nats a token for learned.`"""
    floors = [
        f"{with_unit(amount(spread[name]), question.endpoint)} for {name}"
        for name in question.references.values()
        if math.isfinite(spread[name])
    ]
    return f"The noise floor, the SD over seeds, is {listed(floors)}." if floors else ""


def _known(chosen: Mapping[str, Scalar], name: str) -> Scalar:
    """As a cell: a choice that is None is a word, one that is not there is nothing."""
    return "none" if name in chosen and chosen[name] is None else chosen.get(name)
