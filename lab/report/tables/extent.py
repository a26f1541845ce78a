"""What grows from one scale to the next, as a number for each arm.

Design choices:
- parameters without embeddings where models grow and budgets do not (Kaplan et al. 2020), tokens
  where it is the other way round, training FLOPs where both do or neither;
- an arm has its own number: a variant may be larger or dearer than its reference.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lab.config.sweep import SweepConfig
from lab.report.judging.pairs import confirm_runs, paired
from lab.report.judging.tuned import numbers
from lab.report.tables.finished import finished
from lab.stats.scaling import ScalingLaw, fit_law

PARAMETERS, TOKENS, FLOPS = "Parameters without embeddings", "Training tokens", "Training FLOPs"


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
    arms = [arm for arm in question.arms if question.variant_of(arm) == variant]
    seeds, losses = paired([confirm_runs(question, runs, arm) for arm in arms])
    return fit_law([size.of[arm] for arm in arms], losses) if seeds else None
