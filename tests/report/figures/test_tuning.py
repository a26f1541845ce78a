"""The figure of tuning shows every trial."""

import pytest

from lab.report.collect import open_sweep
from lab.report.figures.tuning import tuning
from tests.report.figures.drawn import lines, marked, words

LR = "train.optimizer.lr"


def test_it_shows_every_trial(make_sweep):
    lost = {("tune", "rope", 3): "diverged", ("tune", "rope", 0): "failed"}
    sweep = open_sweep(make_sweep(lost=lost))
    runs = sweep.runs()
    (axes,) = tuning(sweep.question, runs).axes
    rope = runs[(runs["variant"] == "rope") & (runs["phase"] == "tune")]
    good = rope[rope["status"] == "complete"]
    shown = lines(axes)["rope"]
    assert sorted(zip(*shown.get_data(), strict=True)) == sorted(
        zip(good[LR], good["val/loss"], strict=True)
    )
    crosses = [x for line in marked(axes, "x") for x in line.get_xdata()]
    assert sorted(crosses) == sorted(rope[rope["status"] != "complete"][LR])
    rings = [line for line in axes.get_lines() if line.get_markersize() == 10]
    assert good.loc[good["val/loss"].idxmin(), LR] in [line.get_xdata()[0] for line in rings]
    assert axes.get_xscale() == "log"


def test_crosses_of_two_arms_at_one_rate_do_not_hide_each_other(make_sweep):
    lost = {("tune", name, 3): "diverged" for name in ("learned", "sinusoidal", "rope")}
    sweep = open_sweep(make_sweep(lost=lost))
    (axes,) = tuning(sweep.question, sweep.runs()).axes
    heights = [line.get_ydata()[0] for line in marked(axes, "x")]
    assert len(heights) == len({*heights}) == 3


def test_several_settings_have_a_panel_each(asking, runs_of):
    space = {
        LR: {"low": 1e-3, "high": 1e-2, "log": True},
        "model.dropout": {"low": 0.0, "high": 0.5},
    }
    question = asking(tune={"trials": 3, "space": space})
    points = [({LR: 2e-3 * (k + 1), "model.dropout": 0.1 * k}, 2.0 + k / 10) for k in range(3)]
    figure = tuning(question, runs_of(question, tune=dict.fromkeys(question.variants, points)))
    log, linear = figure.axes
    assert (log.get_xscale(), linear.get_xscale()) == ("log", "linear")
    assert linear.get_xlabel() == "Dropout (model.dropout)"


def test_every_scale_has_its_panel_and_height(scaled):
    runs = scaled.runs()
    figure = tuning(scaled.question, runs)
    assert [axes.get_title(loc="left") for axes in figure.axes] == list(scaled.question.scales)
    assert words(figure) == ["learned", "rope"]
    for axes, scale in zip(figure.axes, scaled.question.scales, strict=True):
        mine = runs[(runs["variant"] == f"rope@{scale}") & (runs["phase"] == "tune")]
        assert sorted(lines(axes)["rope"].get_xdata()) == sorted(mine[LR])
        assert axes.get_ylim()[0] < mine["val/loss"].min() < axes.get_ylim()[1]


def test_no_trial_with_a_loss_is_no_figure(asking, runs_of, question):
    trials = [({LR: 1e-3}, "diverged"), ({LR: 2e-3}, "failed")]
    assert tuning(question, runs_of(question, tune={"rope": trials})) is None
    untuned = asking(tune=None)
    assert tuning(untuned, runs_of(untuned)) is None


@pytest.mark.parametrize("far", [2.6, 40.0])
def test_a_loss_too_high_to_fit_in_is_a_triangle(runs_of, question, far):
    trials = [({LR: 1e-3 * (k + 1)}, 2.0 + k / 10) for k in range(5)]
    runs = runs_of(question, tune={"rope": [*trials, ({LR: 3e-2}, far)]})
    (axes,) = tuning(question, runs).axes
    assert [line.get_xdata()[0] for line in marked(axes, 6)] == ([3e-2] if far > 3 else [])
