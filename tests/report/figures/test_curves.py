"""Learning curves show the numbers of the files."""

import numpy as np
import pandas as pd
import pytest

from lab.report.collect import open_sweep
from lab.report.figures import style
from lab.report.figures.curves import curves
from tests.report.figures.drawn import band, lines, words
from tests.report.judged import FLOOR, with_floor


def losses_of(sweep, arm):
    """(seeds, evaluations)."""
    runs = sweep.runs()
    runs = runs[(runs["variant"] == arm) & (runs["phase"] == "confirm")]["run"]
    return np.array([sweep.curve(run)["val/loss"].dropna() for run in runs])


def test_they_are_means_over_seeds(plain_sweep):
    sweep = open_sweep(plain_sweep)
    figure = curves(sweep)
    expected = losses_of(sweep, "rope")
    shown = lines(figure.axes[0])["rope"]
    assert shown.get_ydata() == pytest.approx(expected.mean(axis=0))
    assert shown.get_xdata()[-1] == pytest.approx(819.2)  # thousands of tokens
    assert words(figure) == ["learned", "sinusoidal", "rope"]
    assert lines(figure.axes[0])["learned"].is_dashed()


def test_the_band_is_from_the_lowest_seed_to_the_highest(plain_sweep):
    sweep = open_sweep(plain_sweep)
    axes = curves(sweep).axes[0]
    low, high = band(axes, 1)  # the reference is drawn last
    expected = losses_of(sweep, "rope")
    assert low == pytest.approx(expected.min(axis=0))
    assert high == pytest.approx(expected.max(axis=0))


@pytest.mark.parametrize("longer", ["learned", "rope"])
@pytest.mark.parametrize("times", [1.5, 3])
def test_budgets_may_differ(make_sweep, longer, times):
    """The second half is that of the longest training, and fits what lies in it."""
    folder = make_sweep()
    for path in folder.glob(f"runs/{longer}-*/metrics.csv"):
        curve = pd.read_csv(path)
        curve.assign(tokens=curve["tokens"] * times).to_csv(path, index=False)
    whole, later = curves(open_sweep(folder)).axes
    last = times * 0.8192  # million tokens
    assert later.get_xlim() == pytest.approx((last / 2, last * 1.01))
    shown = [line.get_data() for line in lines(later).values()]
    within = [y[x >= last / 2] for x, y in shown]
    assert [len(y) > 0 for y in within].count(True) == (3 if times == 1.5 else 1)
    low, high = later.get_ylim()
    assert low < min(y.min() for y in within if len(y))
    assert max(y.max() for y in within if len(y)) < high < whole.get_ylim()[1]


def test_the_best_possible_loss_is_a_line(make_sweep):
    sweep = open_sweep(with_floor(make_sweep()))
    for axes in curves(sweep).axes:
        floor = lines(axes)[style.FLOOR]
        assert list(floor.get_ydata()) == pytest.approx([FLOOR, FLOOR])
        assert axes.get_ylim()[0] < FLOOR


def test_a_diverged_run_is_shown_and_is_in_no_mean(make_sweep):
    sweep = open_sweep(make_sweep(lost={("confirm", "rope", 2): "diverged"}))
    axes = curves(sweep).axes[0]
    (broken,) = [line for line in axes.get_lines() if line.get_marker() == "x"]
    assert broken.get_xdata()[-1] == pytest.approx(120 * 16 * 128 / 1e3)
    assert len(lines(axes)["rope"].get_xdata()) == 11


def test_every_scale_has_its_row(scaled):
    figure = curves(scaled)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[::2] == [f"{name}: all of training" for name in scaled.question.scales]
    assert words(figure) == ["learned", "rope"]
    for axes, scale in zip(figure.axes[::2], scaled.question.scales, strict=True):
        end = lines(axes)["rope"].get_ydata()[-1]
        assert end == pytest.approx(losses_of(scaled, f"rope@{scale}")[:, -1].mean())


def test_nothing_measured_is_no_figure(make_sweep, asking):
    asked = asking(tune=None)
    assert curves(open_sweep(make_sweep(asked=asked, seeds=dict.fromkeys(
        [*asked.arms, *asked.twins], 0)))) is None  # fmt: skip
