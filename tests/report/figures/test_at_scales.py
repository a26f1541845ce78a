"""Figures that show all arms at once keep the scales apart, for a variant looks alike at each."""

import pytest

from lab.report.collect import open_sweep
from lab.report.figures.history import history
from lab.report.figures.importance import importance
from lab.report.figures.positions import positions
from lab.report.figures.slices import slices
from tests.report.figures.drawn import lines, words
from tests.report.judged import with_lengths

LR = "train.optimizer.lr"
SPACE = {LR: {"low": 1e-3, "high": 3.2e-2, "log": True}, "model.bias": [True, False]}
SCALES = {"small": {"model.d_model": 32}, "large": {}}


@pytest.fixture
def searched(asking, make_search):
    asked = asking(scales=SCALES, tune={"trials": 6, "refine": 0, "space": SPACE})
    folder = make_search(asked, importance={LR: 0.9, "model.bias": 0.1})
    return open_sweep(folder)


def test_the_history_has_a_row_a_scale(searched):
    figure = history(searched.question, searched.search())
    assert [axes.get_title(loc="left") for axes in figure.axes[::2]] == ["small", "large"]
    assert words(figure) == list(searched.question.variants)
    trials = [t for t in searched.search().complete if t.variant == "rope@large"]
    (shown,) = [line for line in figure.axes[2].get_lines() if line.get_label() == "rope"]
    assert list(shown.get_ydata()) == [t.values[0] for t in trials]


def test_slices_have_a_block_a_scale(searched):
    figure = slices(searched.question, searched.search())
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["small", "large"]
    assert words(figure) == list(searched.question.variants)


def test_importance_is_the_mean_over_scales(searched):
    (axes,) = importance(searched.question, searched.search()).axes
    assert len(axes.patches) == 2 * len(searched.question.variants)
    assert [bar.get_width() for bar in axes.patches][:2] == pytest.approx([0.9, 0.1])


def test_positions_have_a_panel_a_scale(asking, make_sweep, question):
    base = {**question.dump()["base"], "evaluate": {"lengths": [64, 128, 256]}}
    asked = asking(base=base, scales=SCALES, tune=None)
    folder = make_sweep(asked=asked, loss=dict.fromkeys(asked.arms, 2.0))
    with_lengths(folder, asked, {"rope@large": 0.5})
    figure = positions(open_sweep(folder))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["small", "large"]
    ends = [lines(axes)["rope"].get_ydata()[-1] for axes in figure.axes]
    assert ends[1] - ends[0] == pytest.approx(0.5, abs=0.1)
    assert "learned: not defined beyond 128" in words(figure)
