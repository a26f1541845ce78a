"""What each variant reaches on windows of other lengths than those it was trained on.

Design choices:
- a variant that has no answer at a length is told so there: a number would be another model's;
- of a task the excess and the accuracy are shown, of text the loss.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lab.config.sweep import SweepConfig
from lab.report.judging.tuned import numbers
from lab.report.tables.finished import finished, judged_split
from lab.report.tables.table import Show, Table
from lab.report.terms import listed, quantity, unit
from lab.stats.paired import noise_floor

UNDEFINED = "not defined"


def lengths(question: SweepConfig, runs: pd.DataFrame) -> Table | None:
    """A row a variant, a column a length: mean and SD over seeds, or 'not defined'."""
    done, split = finished(question, runs), judged_split(question)
    asked = question.base.evaluate.lengths
    kinds = ("excess", "accuracy") if question.base.data.is_task else ("loss",)
    headers = {length: f"{length:,} tokens" for length in asked}
    rows: list[dict[str, Any]] = []
    for name in question.arms:
        side = done[done["variant"] == name]
        for kind in kinds:
            row: dict[str, Any] = {"Variant": name}
            if len(kinds) > 1:
                row["Measure"] = kind
            for length, header in headers.items():
                values = numbers(side, f"{split}/{kind}@{length}")
                row[header] = _cell(question, name, length, values[np.isfinite(values)])
            rows.append(row)
    if not any(isinstance(row[header], Mapping) for row in rows for header in headers.values()):
        return None
    shows: dict[str, Show] = dict.fromkeys(headers.values(), _shown)
    return Table("lengths", pd.DataFrame(rows, dtype="object"), shows, _note(question, split))


def trained_on(question: SweepConfig) -> dict[str, int]:
    """The length of each variant's training windows, as far as nothing tuned changes it."""
    return {name: question.variant(name).model.max_seq_len for name in question.arms}


def ends(question: SweepConfig, name: str, length: int) -> int | None:
    """Where a variant's positions end, if that is before a length."""
    longest = question.variant(name).model.longest
    return longest if longest is not None and longest < length else None


def _cell(question: SweepConfig, name: str, length: int, values: "np.ndarray[Any, Any]") -> Any:
    if len(values):
        sd = noise_floor(values)
        return {"mean": float(values.mean()), "sd": sd, "n": len(values)}
    return UNDEFINED if ends(question, name, length) is not None else None


def _shown(cell: Any) -> str:
    if not isinstance(cell, Mapping):
        return str(cell)
    mean, sd = f"{cell['mean']:.4f}".replace("-", "−"), cell["sd"]
    return mean if np.isnan(sd) else f"{mean} ± {sd:.4f}"


def _note(question: SweepConfig, split: str) -> str:
    if question.base.data.is_task:
        what = f"Excess over the floor in {unit('excess')}, and accuracy, on the {split} split"
    else:
        name = quantity(f"{split}/loss")
        what = f"{name[:1].upper()}{name[1:]} in {unit('loss')}"
    found = sorted({*trained_on(question).values()})
    windows = f"windows of {listed(f'{length:,}' for length in found)} tokens"
    text = f"{what}: mean ± SD over seeds. Training read {windows}."
    short = [
        f"those of {name} end at {end:,}"
        for name in question.arms
        if (end := ends(question, name, max(question.base.evaluate.lengths)))
    ]
    return f"{text} Where positions end there is no answer: {listed(short)}." if short else text
