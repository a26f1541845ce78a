"""Which trials are not carried to their end, and where that is decided.

A trial is judged at rungs: numbers of training tokens, the same for all trials, each at an
evaluation that the run makes anyway. All trials of a round reach a rung before any goes on.
"""

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from lab.config.base import Strict
from lab.config.run import RunConfig


class SuccessiveHalving(Strict):
    """At each rung the best 1/eta of the trials that reached it go on (Jamieson, Talwalkar 2016).

    A rung has eta times the steps of the one before; the last lies at steps / eta.
    """

    kind: Literal["successive-halving"] = "successive-halving"
    eta: int = Field(3, ge=2)
    min_steps: int | None = Field(None, ge=1, description="None means the first evaluation")


class Hyperband(Strict):
    """Successive halving in brackets that begin at different rungs (Li et al. 2018)."""

    kind: Literal["hyperband"] = "hyperband"
    eta: int = Field(3, ge=2)
    min_steps: int | None = Field(None, ge=1, description="None means the first evaluation")


class _Checked(Strict):
    every: int | None = Field(None, ge=1, description="steps; None means a quarter of the run")


class MedianPruner(_Checked):
    """A trial worse than the median of those that reached the same rung ends there (Golovin 2017).

    Nothing is pruned before `startup` trials have reached the rung.
    """

    kind: Literal["median"] = "median"
    startup: int = Field(5, ge=1)


class ThresholdPruner(_Checked):
    """A trial whose objective leaves the bounds ends there."""

    kind: Literal["threshold"] = "threshold"
    lower: float | None = None
    upper: float | None = None

    @model_validator(mode="after")
    def _bounds(self) -> "ThresholdPruner":
        if self.lower is None and self.upper is None:
            raise ValueError("give lower, upper or both")
        if self.lower is not None and self.upper is not None and self.lower >= self.upper:
            raise ValueError(f"lower={self.lower:g} must lie below upper={self.upper:g}")
        return self


class WilcoxonPruner(Strict):
    """After each seed, a trial worse than the best one on the same seeds ends.

    One-sided signed-rank test at level `p` (Wilcoxon 1945). n seeds can give no less than 0.5^n.
    """

    kind: Literal["wilcoxon"] = "wilcoxon"
    p: float = Field(0.1, gt=0, lt=0.5)

    @property
    def least_seeds(self) -> int:
        """Seeds before the test can end a trial."""
        return math.ceil(math.log2(1 / self.p) - 1e-9)


Pruner = Annotated[
    SuccessiveHalving | Hyperband | MedianPruner | ThresholdPruner | WilcoxonPruner,
    Field(discriminator="kind"),
]


def rung_tokens(pruner: Pruner | None, base: RunConfig) -> list[int]:
    """The rungs, in training tokens, each at an evaluation of the base run before its end."""
    train, steps, earliest = base.train, list[float](), 1
    match pruner:
        case SuccessiveHalving(eta=eta, min_steps=least) | Hyperband(eta=eta, min_steps=least):
            step = train.steps / eta
            earliest = math.ceil((least or 1) / train.eval_interval)
            while step >= (least or train.eval_interval * 0.5) and step >= 1:
                steps.append(step)
                step /= eta
        case MedianPruner(every=every) | ThresholdPruner(every=every):
            interval = every or train.steps / 4
            steps = [n * interval for n in range(1, math.ceil(train.steps / interval))]
        case WilcoxonPruner() | None:
            pass
    nearest = {max(earliest, round(s / train.eval_interval)) for s in steps}
    snapped = [n * train.eval_interval for n in nearest]
    return sorted(s * base.tokens_per_step for s in snapped if s < train.steps)


def rung_step(config: RunConfig, tokens: int) -> int | None:
    """The step at which a run has seen these tokens; None where it has ended before.

    Raises ValueError where the run makes no evaluation there.
    """
    step, rest = divmod(tokens, config.tokens_per_step)
    if tokens >= config.train.steps * config.tokens_per_step:
        return None
    if rest or step % config.train.eval_interval:
        raise ValueError(
            f"trials are judged at {tokens:,} tokens, where a run of {config.tokens_per_step:,} "
            f"tokens a step that evaluates every {config.train.eval_interval} steps does not; "
            "set train.eval_every, or fix what changes the tokens a step"
        )
    return step
