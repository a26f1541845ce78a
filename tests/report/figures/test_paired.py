"""The paired differences over training: their mean, and the verdict's kind of interval."""

import math

import numpy as np
import pandas as pd
import pytest

from lab.report.collect import open_sweep
from lab.report.figures.paired import MOST, paired
from lab.stats.paired import t_half_width
from lab.stats.sequential import half_width
from tests.report.figures.drawn import band


def differences(sweep, a, b, seeds):
    """(evaluations, seeds)."""
    runs = sweep.runs()
    runs = runs[runs["phase"] == "confirm"].set_index(["variant", "seed"])["run"]
    sides = [
        np.array([sweep.curve(runs[arm, seed])["val/loss"].dropna() for seed in seeds]).T
        for arm in (a, b)
    ]
    return sides[0] - sides[1]


@pytest.mark.parametrize("test", ["anytime", "fixed"])
def test_mean_and_band_are_those_of_the_differences(make_sweep, asking, test):
    confirm = {"max_seeds": 5, "test": test, "alpha": 0.04, "margin": 0.01}
    sweep = open_sweep(make_sweep(asked=asking(confirm=confirm)))
    verdict = sweep.verdicts()[1]
    axes = paired(sweep).axes[1]
    d = differences(sweep, "rope", "learned", verdict.seeds)
    (line,) = [line for line in axes.get_lines() if len(line.get_xdata()) > 2]
    assert line.get_ydata() == pytest.approx(d.mean(axis=1))
    rule = half_width if test == "anytime" else t_half_width  # alpha is shared by two
    half = [rule(d.shape[1], sd, alpha=0.02) for sd in d.std(axis=1, ddof=1)]
    low, high = band(axes)
    assert low == pytest.approx(d.mean(axis=1) - half)
    assert high == pytest.approx(d.mean(axis=1) + half)
    assert axes.get_title(loc="left") == "rope"


def test_seeds_that_the_verdict_does_not_rest_on_are_left_out(make_sweep, asking):
    confirm = {"min_seeds": 4, "max_seeds": 9, "margin": 0.01}
    asked = asking(confirm=confirm)
    sweep = open_sweep(make_sweep(asked=asked, seeds=dict.fromkeys(asked.arms, 9), octave=0))
    rope = sweep.verdicts()[1]
    assert rope.n < 9
    line = max(paired(sweep).axes[1].get_lines(), key=lambda x: len(x.get_xdata()))
    d = differences(sweep, "rope", "learned", rope.seeds)
    assert line.get_ydata() == pytest.approx(d.mean(axis=1))


def test_effects_of_factors_are_weighted_sums(factorial):
    verdict = factorial.verdicts()[2]
    assert verdict.effect == "interaction"
    with_rms, without = (
        differences(factorial, f"rope+{norm}", f"learned+{norm}", verdict.seeds)
        for norm in ("rmsnorm", "layernorm")
    )
    line = max(paired(factorial).axes[2].get_lines(), key=lambda x: len(x.get_xdata()))
    assert line.get_ydata() == pytest.approx((with_rms - without).mean(axis=1))


def test_few_seeds_have_no_band(make_sweep):
    sweep = open_sweep(make_sweep(seeds={"learned": 2, "rope": 2, "sinusoidal": 2}))
    assert sweep.verdicts()[0].n == 2
    assert math.isinf(sweep.verdicts()[0].high)
    assert not paired(sweep).axes[0].collections


def test_what_comes_early_may_lie_outside(make_sweep):
    folder = make_sweep()
    for path in folder.glob("runs/rope-*/metrics.csv"):
        curve = pd.read_csv(path)
        curve.loc[curve["step"] == 0, "val/loss"] += 50
        curve.to_csv(path, index=False)
    assert paired(open_sweep(folder)).axes[1].get_ylim()[1] < 1


def test_arms_evaluated_at_other_places_have_no_panel(make_sweep):
    folder = make_sweep()
    for path in folder.glob("runs/rope-*/metrics.csv"):
        curve = pd.read_csv(path)
        curve.assign(tokens=curve["tokens"] + 7).to_csv(path, index=False)
    (axes,) = paired(open_sweep(folder)).axes
    assert axes.get_title(loc="left") == "sinusoidal"


def test_there_are_no_more_than_some_panels(make_sweep, asking):
    kinds = ("learned", "sinusoidal", "rope", "alibi", "none")
    variants = {kind: {"model.position": {"kind": kind}} for kind in kinds}
    asked = asking(variants=variants, compare="all")
    losses = {kind: 2 + place / 10 for place, kind in enumerate(kinds)}
    sweep = open_sweep(make_sweep(asked=asked, loss=losses))
    titles = [axes.get_title(loc="left") for axes in paired(sweep).axes]
    assert len(titles) == MOST < len(sweep.verdicts())
    assert titles[:2] == ["sinusoidal", "rope"]
    assert titles[4] == "rope − sinusoidal"


def test_nothing_confirmed_is_no_figure(make_sweep, asking):
    assert paired(open_sweep(make_sweep(asked=asking(confirm=None)))) is None
