"""What grows from one scale to the next, as a number for each arm.

Design choices:
- parameters without embeddings where models grow and budgets do not (Kaplan et al. 2020), tokens
  where it is the other way round, training FLOPs where both do or neither;
- an arm has its own number: a variant may be larger or dearer than its reference;
- a law that misses the losses by more than seeds can explain, or that found no floor, does not fit:
  its exponent's interval would be exact about the wrong thing.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lab.config.sweep import SweepConfig
from lab.report.judging.pairs import confirm_runs, paired
from lab.report.judging.tuned import numbers
from lab.report.tables.finished import finished
from lab.stats.scaling import ScalingLaw, fit_law
from lab.stats.tuning import Array

PARAMETERS, TOKENS, FLOPS = "Parameters without embeddings", "Training tokens", "Training FLOPs"
WIDEST = 2  # times the SD over seeds: a misfit beyond it is the law's
NO_FLOOR = 1e-3  # of the lowest loss: a floor below it lies on its bound, 0


@dataclass(frozen=True)
class Extent:
    name: str
    of: Mapping[str, float]  # by arm, of those that have a finished run


def extent(question: SweepConfig, runs: pd.DataFrame) -> Extent | None:
    """None where a reference has no finished run yet, or two of them are equal in all of it."""
    done = finished(question, runs)
    tokens = numbers(done, "tokens")
    measures = {
        PARAMETERS: numbers(done, "n_params") - numbers(done, "n_params_embedding"),
        TOKENS: tokens,
        FLOPS: tokens * numbers(done, "flops_per_token"),
    }
    of = {
        name: {
            arm: float(np.mean(values[mine]))
            for arm in question.arms
            if (mine := (done["variant"] == arm).to_numpy()).any()
        }
        for name, values in measures.items()
    }
    references = question.references.values()
    if any(reference not in of[FLOPS] for reference in references):
        return None
    grows = {
        name: len({values[reference] for reference in references}) == len(references)
        for name, values in of.items()
    }
    stays = {name: len({of[name][reference] for reference in references}) == 1 for name in of}
    for name, other in ((PARAMETERS, TOKENS), (TOKENS, PARAMETERS)):
        if grows[name] and stays[other]:
            return Extent(name, of[name])
    return Extent(FLOPS, of[FLOPS]) if grows[FLOPS] else None


def law_of(
    question: SweepConfig, runs: pd.DataFrame, variant: str, size: Extent
) -> ScalingLaw | None:
    """Of the endpoint, through the seeds that every scale of a variant has finished; None where
    there are none, and where no such law fits."""
    arms, losses = losses_of(question, runs, variant)
    return fit_law([size.of[arm] for arm in arms], losses) if losses.size else None


def losses_of(question: SweepConfig, runs: pd.DataFrame, variant: str) -> tuple[list[str], Array]:
    """A variant's arms, a scale each, and their endpoints by scale and seed."""
    arms = [arm for arm in question.arms if question.variant_of(arm) == variant]
    _, losses = paired([confirm_runs(question, runs, arm) for arm in arms])
    return arms, losses


def seed_sd(losses: Array) -> float:
    """Of log L over seeds, pooled over the scales of (scales, seeds); NaN of a single seed."""
    if losses.shape[1] < 2:
        return math.nan
    return float(np.sqrt(np.log(losses).var(axis=1, ddof=1).mean()))


def misfit(law: ScalingLaw, losses: Array) -> str:
    """Why a law does not fit the losses that it was fitted to; empty where it does."""
    if law.residual_sd > WIDEST * seed_sd(losses):
        return f"misfit above {WIDEST} SD over seeds"
    return "floor at its bound, 0" if law.floor < NO_FLOOR * float(losses.min()) else ""
