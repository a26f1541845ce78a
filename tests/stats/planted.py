"""Comparisons with a planted truth, through the lab's own trials, tolerance and decision.

Design choices:
- what is simulated is training alone: a loss is a curve over the learning rate plus what the seed
  adds; points, choice, tau and verdict are those of the lab;
- the curve is a measured one (`tests/reference/lr-curve.csv`), smooth
  between its rates; an arm is that curve moved along the rate: all are equal at their own optima;
- the noise of tuning is not shared between trials, though trials of one seed share theirs in
  truth: harder than it is.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lab.config.space import Settings
from lab.config.tune import TuneConfig
from lab.stats.decision import Decision, decide
from lab.stats.tuning import Array, fit_surface, scaled
from lab.sweep.space import explore, refine

MEASURED = Path(__file__).parents[1] / "reference" / "lr-curve.csv"
LR = "train.optimizer.lr"
LOW, HIGH = 1e-3, 3.2e-2  # searched
PAIRED = 0.65  # the correlation over seeds


@dataclass(frozen=True)
class Curve:
    """Loss by learning rate, and its SD over seeds near the optimum."""

    loss: Callable[[Array], Array]  # of octaves above `LOW`
    sd: float

    @classmethod
    def measured(cls) -> "Curve":
        from scipy.interpolate import PchipInterpolator

        rows = pd.read_csv(MEASURED)
        by_rate = rows.groupby("lr")["val_loss"]
        means = by_rate.mean()
        best = by_rate.std().loc[means.nsmallest(5).index]
        octaves = np.log2(means.index.to_numpy() / LOW)
        curve = PchipInterpolator(octaves, means.to_numpy())
        return cls(curve, float(np.sqrt(np.square(best).mean())))


@dataclass(frozen=True)
class Arm:
    """A tuned arm: its true loss at the rate that was chosen, and what may be left; its trials."""

    loss: float
    tau: float
    rates: Sequence[float]
    losses: Sequence[float]


def search(trials: int) -> TuneConfig:
    """The search of posenc.yaml: a Sobol list, the last third around the best."""
    return TuneConfig.model_validate(
        {"trials": trials, "space": {LR: {"low": LOW, "high": HIGH, "log": True}}}
    )


def tuned(tune: TuneConfig, curve: Curve, shifts: Sequence[float], *, seed: int) -> tuple[Arm, ...]:
    """Arms whose optima lie `shifts` octaves higher, all tuned at the same points."""
    rng, (first, _) = np.random.default_rng(seed), explore(tune, seed=seed)

    def arm(shift: float) -> Arm:
        def truth(settings: Sequence[Settings]) -> Array:
            return curve.loss(np.log2([s[LR] / LOW for s in settings]) - shift)

        def trained(settings: Sequence[Settings]) -> Array:
            return truth(settings) + rng.normal(0, curve.sd, len(settings))

        losses = trained(first)
        more, _ = refine(tune, first[int(losses.argmin())], seed=seed, before=first)
        trials, losses = [*first, *more], np.append(losses, trained(more))
        rates, best = [s[LR] for s in trials], int(losses.argmin())
        units = scaled(rates, low=LOW, high=HIGH, log=True)[:, None]
        surface = fit_surface(units, losses)
        assert surface is not None
        return Arm(float(truth(trials)[best]), surface.tau(units[best]), rates, losses.tolist())

    return tuple(arm(shift) for shift in shifts)


def confirmed(a: Arm, b: Arm, curve: Curve, *, seeds: int, rng: np.random.Generator) -> Array:
    """Differences of losses, paired by seed, at the chosen rates."""
    own = curve.sd * np.sqrt(1 - PAIRED)  # what a seed gives to both sides is gone
    sides = rng.normal([a.loss, b.loss], own, size=(seeds, 2))
    return np.asarray(sides[:, 0] - sides[:, 1])


def looks(
    differences: Array,
    *,
    first: int = 4,
    alpha: float = 0.05,
    margin: float | None = None,
    tau: float = 0.0,
    anytime: bool = True,
) -> Iterator[Decision]:
    """The decision after every seed from the first look on, as if nobody stopped."""
    for n in range(first, len(differences) + 1):
        yield decide(differences[:n], alpha=alpha, margin=margin, tau=tau, anytime=anytime)


def share(found: Sequence[bool]) -> float:
    return float(np.mean(found))
