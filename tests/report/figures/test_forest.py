"""The forest plot: what is drawn in a row, and what is written beside it."""

import math
from dataclasses import replace

import pytest
from matplotlib.colors import to_hex

from lab.report.collect import open_sweep
from lab.report.figures import style
from lab.report.figures.forest import MARGIN, NOISE, forest
from lab.report.judging.pairs import confirm_runs
from tests.report.figures.drawn import marked, words


def drawn(sweep, *, verdicts=None, controls=None):
    verdicts = sweep.verdicts() if verdicts is None else verdicts
    controls = sweep.controls() if controls is None else controls
    return forest(sweep.question, verdicts, controls, sweep.runs())


def texts(axes):
    return [text.get_text() for text in axes.texts if text.get_text()]


@pytest.fixture
def sweep(plain_sweep):
    return open_sweep(plain_sweep)


def test_a_row_has_a_dot_a_seed_the_mean_and_both_intervals(sweep):
    (axes,) = drawn(sweep).axes
    dots, means = marked(axes, "o"), marked(axes, "D")
    shown = [*sweep.verdicts(), *sweep.controls()]
    assert len(dots) == len(means) == len(shown) == 3
    bars = [tuple(line.get_xdata()) for line in axes.get_lines()]
    for row, verdict in enumerate(shown):
        assert sorted(dots[row].get_xdata()) == sorted(verdict.differences)
        assert all(abs(y + row) < 0.5 for y in dots[row].get_ydata())
        assert means[row].get_xdata()[0] == verdict.difference
        assert (verdict.low, verdict.high) in bars
        assert (verdict.low + verdict.tau, verdict.high - verdict.tau) in bars
        assert axes.get_xlim()[0] < verdict.low < verdict.high < axes.get_xlim()[1]


def test_numbers_and_verdicts_stand_beside_it(sweep):
    (axes,) = drawn(sweep).axes
    rope = sweep.verdicts()[1]
    low, mean, high = (f"{x:.3f}".replace("-", "−") for x in (rope.low, rope.difference, rope.high))
    assert f"{mean} [{low}, {high}]" in texts(axes)
    names = [text for text in texts(axes) if text in (*sweep.question.arms, "learned-twin")]
    assert names == ["sinusoidal", "rope", "learned-twin"]
    assert texts(axes).count("4 seeds") == 3
    assert {"decided", "undecided", "fine"} <= {*texts(axes)}


def test_margin_and_noise_are_behind(sweep):
    figure = drawn(sweep)
    (axes,) = figure.axes
    assert words(figure) == [MARGIN, NOISE.format("learned")]
    (margin,) = axes.patches
    assert margin.get_x() == pytest.approx(-0.01)
    assert margin.get_width() == pytest.approx(0.02)
    (noise,) = axes.collections
    sd = confirm_runs(sweep.question, sweep.runs(), "learned")["endpoint"].std()
    xs = noise.get_paths()[0].vertices[:, 0]
    assert (xs.min(), xs.max()) == pytest.approx((-sd, sd))


@pytest.mark.parametrize(("kind", "colour", "word"), [
    ("decided", style.RED, "flagged"), ("undecided", style.FAINT, "fine"),
])  # fmt: skip
def test_a_twin_is_grey_or_red(sweep, kind, colour, word):
    (twin,) = sweep.controls()
    (axes,) = drawn(sweep, controls=[replace(twin, kind=kind)]).axes
    assert to_hex(marked(axes, "D")[-1].get_color()) == colour
    assert texts(axes)[-1] == word


def test_rows_without_numbers_keep_their_place(sweep):
    first, second = sweep.verdicts()
    gone = replace(first, kind="unstable", differences=(), low=-math.inf, high=math.inf)
    (axes,) = drawn(sweep, verdicts=[gone, second]).axes
    assert len(marked(axes, "D")) == 2  # rope and the twin
    assert texts(axes)[:4] == ["sinusoidal", "4 seeds", "–", "unstable"]
    assert axes.get_ylim()[0] < -2


def test_without_bounds_there_is_no_bar(make_sweep):
    sweep = open_sweep(make_sweep(seeds={"learned": 2, "rope": 2, "sinusoidal": 2}))
    (axes,) = drawn(sweep).axes
    assert marked(axes, "D")
    assert not marked(axes, "|")
    assert any("no bounds yet" in text for text in texts(axes))


def test_one_row_that_reaches_far_does_not_flatten_the_others(sweep):
    first, second = sweep.verdicts()
    near = replace(first, low=-0.02, high=0.02, difference=0.0, differences=(0.01, -0.01, 0, 0))
    far = {x: replace(second, low=x, high=x + 0.02, difference=x + 0.01, differences=(x + 0.01,))
           for x in (0.3, 1.5)}  # fmt: skip
    (axes,) = drawn(sweep, verdicts=[near, far[0.3]]).axes
    assert axes.get_xscale() == "linear"
    (axes,) = drawn(sweep, verdicts=[near, far[1.5]]).axes
    assert axes.get_xscale() == "symlog"
    assert "linear up to ±0.02, logarithmic beyond" in axes.get_xlabel()
    assert {0.0, 0.02, 1.0} <= {*axes.get_xticks()}


def test_scales_are_headings_with_their_own_twins(scaled):
    (axes,) = drawn(scaled).axes
    found = [t for t in texts(axes) if t in (*scaled.question.scales, "rope", "learned-twin")]
    assert found == [x for name in scaled.question.scales for x in (name, "rope", "learned-twin")]
    assert len(axes.collections) == 4  # the noise of each


def test_factors_are_named_by_their_effects(factorial):
    (axes,) = drawn(factorial).axes
    names = ["position: rope − learned", "norm: rmsnorm − layernorm",
             "position × norm: rope × rmsnorm", "learned+layernorm-twin"]  # fmt: skip
    assert [text for text in texts(axes) if text in names] == names
    assert "from" not in axes.get_xlabel()


def test_nothing_confirmed_is_no_figure(make_sweep, asking):
    asked = asking(confirm=None)
    assert drawn(open_sweep(make_sweep(asked=asked))) is None
    none = dict.fromkeys(("learned", "rope", "sinusoidal", "learned-twin"), 0)
    assert drawn(open_sweep(make_sweep(seeds=none, name="none"))) is None


@pytest.mark.parametrize(("side", "edge"), [("rope", 1), ("learned", 0)])
def test_lost_runs_leave_dots_and_a_cross_at_the_edge(make_sweep, side, edge):
    sweep = open_sweep(make_sweep(lost={("confirm", side, 2): "diverged"}))
    rope = sweep.verdicts()[1]
    (axes,) = drawn(sweep, verdicts=[rope], controls=[]).axes
    (dots,) = marked(axes, "o")
    known = [x for x in rope.differences if math.isfinite(x)]
    assert sorted(x for x in dots.get_xdata() if math.isfinite(x)) == sorted(known)
    assert len(known) == 3
    (cross,) = marked(axes, "x")
    assert list(cross.get_xdata()) == [edge]
    assert not marked(axes, "D")
    assert not marked(axes, "|")
    assert texts(axes)[-2:] == ["–", "unstable"]
