"""What was found out about one comparison."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lab.config.contrasts import Contrast, Effect

Kind = Literal[
    "decided", "equivalent", "undecided", "unstable", "undefined", "unmeasured", "measured"
]


@dataclass(frozen=True)
class Verdict:
    """About one contrast: of two arms, or of two levels of a factor; of a lone arm with itself.

    `difference` is the mean of variant - reference over the seeds, of `metric` (lower is better).
    Of an interaction it is that difference at the first level in `beside`, minus the one at the
    second.
    A lone variant has itself as reference, the kind 'measured', and its mean as `difference`.
    'undefined' is a variant that has no answer at the length that is judged, and so no number.
    NaN and infinite bounds mean 'not known'.
    """

    variant: str
    reference: str
    kind: Kind
    metric: str
    sentence: str = ""
    caveats: tuple[str, ...] = ()
    difference: float = math.nan
    low: float = -math.inf  # widened by tau
    high: float = math.inf
    level: float = math.nan  # of the interval: 1 - alpha/k
    n: int = 0
    seeds: tuple[int, ...] = ()
    differences: tuple[float, ...] = ()  # one a seed; NaN where a run of it was lost
    settled: bool = False  # no more seeds are needed, or allowed
    e_value: float | None = None  # test: anytime
    p_value: float | None = None  # test: fixed, exact sign-flip
    p_holm: float | None = None
    d_z: float | None = None
    correlation: float | None = None
    p_lower: float | None = None
    tau: float | None = 0.0  # of both sides together; None where not estimable
    more_seeds: int | None = None
    more_trials: int | None = None
    real_but_small: bool = False
    name: str = ""
    effect: Effect = "pair"
    weights: Mapping[str, float] = field(default_factory=dict)  # of each arm's endpoint
    scale: str | None = None
    factor: str | None = None
    beside: tuple[str, str, str] | None = None  # another factor, its level, its reference level


def about(contrast: Contrast, metric: str, *, level: float) -> Verdict:
    """Nothing is known yet."""
    return Verdict(
        contrast.a,
        contrast.b,
        "unmeasured",
        metric,
        level=level,
        name=contrast.name,
        effect=contrast.effect,
        weights=contrast.weights,
        scale=contrast.scale,
        factor=contrast.factor,
        beside=contrast.beside,
    )
