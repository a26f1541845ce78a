"""Whether the variants had the same means: sizes, training, tuning, mishaps, speed.

Design choices:
- every size is told against that of the arm's own reference, however small the difference;
- the runs that are judged are described; of an arm that has none yet, all its runs;
- seconds are those of training alone, since evaluation and packaging cost all variants alike;
- of a search, other tables tell of trials and mishaps.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lab.config.space import Scalar
from lab.config.sweep import SweepConfig
from lab.report.judging.tuned import trials_of, tuning_of
from lab.report.tables.finished import finished
from lab.report.tables.matched import MEASURED, SPREAD, alike, made_equal, relative
from lab.report.tables.table import Show, Table, decimals, megabytes, seconds, share, whole
from lab.report.terms import change, header, setting, short_names
from lab.stats.paired import noise_floor

Shapes = Mapping[str, Sequence[int]]  # of weights, by logical name
SIZES = {
    "parameters": "Parameters",
    "body": "Without embeddings",
    "a token": "FLOPs a token",
    "tokens": "Training tokens a run",
    "flops": "Training FLOPs a run",
    "wall-clock": "Training seconds a run",
}
NOTE = (
    "FLOPs are those of matrix products in training, the backward pass counted twice. Initial "
    "weights are shared where name and shape are: with one seed they begin equal. Seconds, speed "
    "and memory are medians on this machine, with as many runs side by side as it had workers."
)


def fairness(
    question: SweepConfig, runs: pd.DataFrame, timing: pd.DataFrame, weights: Mapping[str, Shapes]
) -> Table | None:
    """A row an arm, references first. `weights`: what each arm draws at its start."""
    sizes = sizes_of(question, runs, timing)
    if not any(math.isfinite(row["parameters"]) for row in sizes.values()):
        return None
    label = f", against {_reference(question)}" if question.comparisons else ""
    rows: list[dict[str, Any]] = []
    for arm in _references_first(question):
        row: dict[str, Any] = {"Variant": arm}
        for size, name in SIZES.items():
            row[name] = sizes[arm][size]
            if label:
                row[f"{name}{label}"] = relative(question, sizes, arm, size)
        if label:
            row[f"Initial weights shared{label}"] = _shared(
                weights.get(arm, {}), weights.get(question.reference_of(arm), {})
            )
        rows.append(row | _tuning(question, runs, arm) | _mishaps(question, runs, timing, arm))
    frame = pd.DataFrame(rows)
    relatives = [name for name in frame.columns if label and name.endswith(label)]
    shows: dict[str, Show] = {
        **dict.fromkeys(frame.columns[1:], whole),
        **dict.fromkeys(relatives, change),
        "Training FLOPs a run": _rounded,
        "Training seconds a run": seconds,
        f"Initial weights shared{label}": share,
        "Chosen settings": str,
        "At an edge of its range": str,
        _best(question): decimals(4),
        "Tuning may hide": decimals(4),
        "Peak memory": megabytes,
    }
    return Table("fairness", frame, shows, NOTE, upright=True)


def in_what_alike(question: SweepConfig, runs: pd.DataFrame, timing: pd.DataFrame) -> list[str]:
    """In what the arms were alike and in what not, and what was changed to make them so."""
    lines = (alike(question, sizes_of(question, runs, timing)), made_equal(question))
    return [line for line in lines if line]


def sizes_of(
    question: SweepConfig, runs: pd.DataFrame, timing: pd.DataFrame
) -> dict[str, dict[str, float]]:
    """What a run of each arm is and takes, medians over its runs, and the SD of its seconds; NaN
    where not known."""
    judged, found = finished(question, runs), {}
    for arm in question.arms:
        side = judged[judged["variant"] == arm]
        side = side if len(side) else runs[runs["variant"] == arm]
        complete = side[side["status"] == "complete"]
        trained = timing[timing["run"].isin(complete["run"])]["train"]
        found[arm] = {
            "parameters": _middle(side["n_params"]),
            "body": _middle(side["n_params"] - side["n_params_embedding"]),
            "a token": _middle(side["flops_per_token"]),
            "tokens": _middle(complete["tokens"]),
            "flops": _middle(complete["tokens"] * complete["flops_per_token"]),
            MEASURED: _middle(trained),
            SPREAD: noise_floor(trained.dropna()),
        }
    return found


def _tuning(question: SweepConfig, runs: pd.DataFrame, arm: str) -> dict[str, Any]:
    if question.tune is None or question.is_search:
        return {}
    tuned, best = tuning_of(question, runs, arm), _best(question)
    if tuned is None:
        return {"Tuning trials": 0}
    loss = float(trials_of(question, runs, arm)["loss"].min())
    return {
        "Tuning trials": tuned.trials,
        "Chosen settings": _settings(tuned.chosen) if tuned.chosen else None,
        "At an edge of its range": ", ".join(tuned.edges) or "no",
        best: question.objectives[0].sign * loss if np.isfinite(loss) else None,
        "Tuning may hide": tuned.tau,
    }


def _mishaps(
    question: SweepConfig, runs: pd.DataFrame, timing: pd.DataFrame, arm: str
) -> dict[str, Any]:
    side = runs[runs["variant"] == arm]
    speed = timing[timing["run"].isin(side[side["status"] == "complete"]["run"])]
    lost = {n.capitalize(): int((side["status"] == n).sum()) for n in ("diverged", "failed")}
    return {
        "Runs": len(side),
        **({} if question.is_search else lost),
        "Tokens a second": _middle(speed["tokens_per_second"]),
        "Peak memory": _middle(speed["peak_memory_bytes"]),
    }


def _references_first(question: SweepConfig) -> list[str]:
    """Scale by scale."""
    order = list(question.references)
    return sorted(
        question.arms,
        key=lambda arm: (order.index(question.scale_of(arm)), arm != question.reference_of(arm)),
    )


def _reference(question: SweepConfig) -> str:
    return "its reference" if question.scales else question.reference


def _best(question: SweepConfig) -> str:
    return f"Best {header(question.tuning_metric).lower()}"


def _shared(mine: Shapes, reference: Shapes) -> float:
    """The share of drawn weights that have the name and shape of one of the reference's."""
    drawn = {name: math.prod(shape) for name, shape in mine.items()}
    equal = [size for name, size in drawn.items() if mine[name] == reference.get(name)]
    return sum(equal) / sum(drawn.values()) if drawn else math.nan


def _settings(chosen: Mapping[str, Scalar]) -> str:
    names = short_names(chosen)
    return ", ".join(f"{names[name]} {setting(value)}" for name, value in chosen.items())


def _middle(values: "pd.Series[Any]") -> float:
    known = values.dropna()
    return float(known.median()) if len(known) else math.nan


def _rounded(value: float) -> str:
    return f"{value:.4g}"
