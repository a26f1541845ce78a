"""The confirm runs of an arm, and the seeds that several arms have all finished."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lab.config.sweep import SweepConfig
from lab.errors import SweepError
from lab.report.judging.tuned import numbers
from lab.stats.tuning import Array

LOST = ("diverged", "failed")


def confirm_runs(question: SweepConfig, runs: pd.DataFrame, variant: str) -> pd.DataFrame:
    """The arm's confirm runs by seed, with a column `endpoint`, infinite where it was lost."""
    rows = runs[(runs["phase"] == "confirm") & (runs["variant"] == variant)]
    rows = rows.sort_values("seed", kind="stable").copy()
    _refuse_two_of_a_seed(rows)
    values = numbers(rows, question.endpoint)
    lacking = (rows["status"] == "complete").to_numpy() & ~np.isfinite(values)
    if lacking.any():
        raise SweepError(
            f"run {rows['run'].iloc[int(np.argmax(lacking))]} is complete, but its result has no "
            f"{question.endpoint}, which this question judges by; "
            "remove the run's folder and run the sweep again"
        )
    rows["endpoint"] = np.where(rows["status"].isin(LOST), np.inf, values)
    return rows


def paired(sides: Sequence[pd.DataFrame]) -> tuple[tuple[int, ...], Array]:
    """Seeds in order up to the first that some side has not finished, and the endpoints there:
    (sides, seeds)."""
    done = [
        {
            int(seed): float(value)
            for seed, status, value in zip(x["seed"], x["status"], x["endpoint"], strict=True)
            if status == "complete"
        }
        for x in sides
    ]
    seeds: list[int] = []
    for seed in sorted({int(seed) for side in sides for seed in side["seed"]}):
        if not all(seed in side for side in done):
            break
        seeds.append(seed)
    return tuple(seeds), np.array([[side[s] for s in seeds] for side in done], dtype=np.float64)


def _refuse_two_of_a_seed(rows: pd.DataFrame) -> None:
    twice = rows[rows["seed"].duplicated(keep=False)]
    if len(twice):
        first, second, *_ = twice["run"]
        raise SweepError(
            f"{first} and {second} are both the confirm run of one seed, so this folder mixes two "
            "plans; move the runs of the other plan away"
        )
