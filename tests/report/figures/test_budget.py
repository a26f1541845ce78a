"""Budget curves: of which trials, and of which samplers."""

import itertools

import numpy as np
import pytest

from lab.report.figures.budget import MOST, budget
from lab.stats.budget import budget_curve
from tests.report.figures.drawn import band

LR = "train.optimizer.lr"
SPACE = {LR: {"low": 1e-3, "high": 3.2e-2, "log": True}}
LOSSES = [2.4, 2.1, 2.9, 2.2, 2.6, 2.3]


def asked_for(asking, **tune):
    return asking(tune={"sampler": {"kind": "random"}, "trials": 6, "refine": 0, "space": SPACE,
                        **tune})  # fmt: skip


def tried(question, runs_of, losses):
    """Every arm's trials came to the same."""
    points = [({LR: 1e-3 * (k + 1)}, loss) for k, loss in enumerate(losses)]
    return runs_of(question, tune=dict.fromkeys(question.arms, points))


def line_of(axes):
    return next(line for line in axes.get_lines() if line.get_marker() == "o")


def test_the_line_is_the_mean_over_all_subsets(asking, runs_of):
    question = asked_for(asking)
    figure = budget(question, tried(question, runs_of, LOSSES))
    expected = [
        np.mean([min(subset) for subset in itertools.combinations(LOSSES, n)]) for n in range(1, 7)
    ]
    assert [axes.get_title(loc="left") for axes in figure.axes] == [*question.arms]
    for axes in figure.axes:
        assert line_of(axes).get_xdata() == pytest.approx(range(1, 7))
        assert line_of(axes).get_ydata() == pytest.approx(expected)


def test_the_band_is_that_of_the_median_best(asking, runs_of):
    question = asked_for(asking)
    low, high = band(budget(question, tried(question, runs_of, LOSSES)).axes[0])
    curve = budget_curve(LOSSES, initial=4.55)
    known = np.isfinite(curve.low)
    assert low[known] == pytest.approx(curve.low[known])
    assert high == pytest.approx(curve.high)


def test_trials_that_looked_at_others_are_left_out(asking, runs_of):
    tune = {"trials": 9, "refine": 2, "try": [{LR: 2e-3}]}
    question = asked_for(asking, **tune)
    runs = tried(question, runs_of, [0.5, *LOSSES, 0.1, 0.2])
    for axes in budget(question, runs).axes:
        assert len(line_of(axes).get_xdata()) == 6
        assert line_of(axes).get_ydata().min() == pytest.approx(min(LOSSES))


def test_a_lost_trial_counts_as_the_loss_at_initialisation(asking, runs_of):
    question = asked_for(asking)
    runs = tried(question, runs_of, [*LOSSES[:5], "failed"])
    axes = budget(question, runs).axes[0]
    assert line_of(axes).get_ydata()[0] == pytest.approx(np.mean([*LOSSES[:5], 4.55]))


@pytest.mark.parametrize("state", ["planned", "pruned"])
def test_trials_that_are_not_over_are_no_sample(asking, runs_of, state):
    question = asked_for(asking)
    assert budget(question, tried(question, runs_of, [*LOSSES[:5], state])) is None


@pytest.mark.parametrize(
    "tune",
    [
        {"sampler": {"kind": "tpe"}, "trials": 6, "space": SPACE},
        {"sampler": {"kind": "grid"}, "space": {LR: [1e-3, 3e-3]}},
        {"sampler": {"kind": "random"}, "trials": 6, "space": SPACE, "pruner": {"kind": "median"}},
    ],
)
def test_other_trials_have_no_budget_curve(asking, runs_of, tune):
    question = asking(tune=tune)
    assert budget(question, tried(question, runs_of, LOSSES[: question.tune.n_trials])) is None


def test_there_are_no_more_than_some_panels(asking, runs_of):
    variants = {f"v{k}": {"model.norm": {"kind": "layernorm", "eps": 10.0**-k}} for k in range(11)}
    question = asked_for(asking, trials=3)
    question = asking(variants=variants, baseline=None, tune=question.dump()["tune"])
    assert len(budget(question, tried(question, runs_of, LOSSES[:3])).axes) == MOST


def test_a_band_that_bounds_nothing_is_left_out(asking, runs_of):
    question = asked_for(asking, trials=3)
    few = budget(question, tried(question, runs_of, LOSSES[:3]))
    assert [len(axes.collections) for axes in few.axes] == [0] * len(question.arms)
    question = asked_for(asking)
    more = budget(question, tried(question, runs_of, LOSSES))
    assert [len(axes.collections) for axes in more.axes] == [1] * len(question.arms)
