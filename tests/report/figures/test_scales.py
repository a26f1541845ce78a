"""Losses and differences from scale to scale."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lab.report.collect import open_sweep
from lab.report.figures.scales import ORDER, scales
from lab.report.judging.pairs import confirm_runs
from lab.report.tables.extent import extent, law_of
from tests.report.figures.drawn import words


def drawn(sweep):
    return scales(sweep.question, sweep.runs(), sweep.verdicts())


def reached(sweep, variant):
    question, runs = sweep.question, sweep.runs()
    return [confirm_runs(question, runs, f"{variant}@{s}")["endpoint"] for s in question.scales]


def test_at_the_left_a_mark_an_arm_at_its_size(scaled):
    figure = drawn(scaled)
    left = figure.axes[0]
    size = extent(scaled.question, scaled.runs())
    assert words(figure) == ["learned", "rope"]
    assert left.get_xlabel() == size.name
    assert left.get_xscale() == "log"
    for container in left.containers:
        variant, marks = container.get_label(), container.lines[0]
        losses = reached(scaled, variant)
        sizes = [size.of[f"{variant}@{scale}"] for scale in scaled.question.scales]
        assert list(marks.get_xdata()) == sizes
        assert marks.get_ydata() == pytest.approx([side.mean() for side in losses])
        bars = [path.vertices[:, 1] for path in container.lines[2][0].get_paths()]
        ends = [x for side in losses for x in (side.min(), side.max())]
        assert np.ravel(bars) == pytest.approx(ends)


def test_the_curve_is_the_power_law(scaled):
    question, runs = scaled.question, scaled.runs()
    law = law_of(question, runs, "rope", extent(question, runs))
    curves = [line for line in drawn(scaled).axes[0].get_lines() if len(line.get_xdata()) == 100]
    assert len(curves) == 2
    assert any(law.predict(line.get_xdata()) == pytest.approx(line.get_ydata()) for line in curves)


def test_at_the_right_the_differences_and_their_intervals(scaled):
    right = drawn(scaled).axes[1]
    verdicts = scaled.verdicts()
    (line,) = [line for line in right.get_lines() if line.get_label() == "rope"]
    assert list(line.get_ydata()) == [v.difference for v in verdicts]
    bars = [tuple(line.get_ydata()) for line in right.get_lines()]
    for v in verdicts:
        assert (v.low, v.high) in bars
        assert (v.low + v.tau, v.high - v.tau) in bars
    names = [label.get_text().split("\n")[0] for label in right.get_xticklabels()]
    assert names == list(scaled.question.scales)


def test_where_nothing_grows_scales_stand_in_order(make_sweep, asking):
    wide = {"train.optimizer": {"kind": "adamw", "lr": 1e-3, "betas": [0.9, 0.95]}}
    asked = asking(scales={"one": {}, "other": wide}, tune=None)
    losses = dict.fromkeys(asked.arms, 2.0)
    sweep = open_sweep(make_sweep(asked=asked, loss=losses))
    figure = drawn(sweep)
    assert {axes.get_xlabel() for axes in figure.axes} == {ORDER}
    assert list(figure.axes[0].get_xticks()) == [1, 2]
    lanes = [line for line in figure.axes[1].get_lines() if line.get_label() in asked.variants]
    assert len({line.get_xdata()[0] for line in lanes}) == 2  # side by side


def test_one_scale_or_none_is_no_figure(plain_sweep, make_sweep, scaled):
    assert drawn(open_sweep(plain_sweep)) is None
    question, runs = scaled.question, scaled.runs()
    tiny = runs[runs["variant"].str.endswith("@tiny")]
    assert scales(question, tiny, []) is None


def test_a_difference_without_bounds_is_hollow_on_a_broken_line(scaled):
    first, *rest = scaled.verdicts()
    unbounded = [replace(first, low=-math.inf, high=math.inf), *rest]
    before = drawn(scaled).axes[1].get_lines()
    after = scales(scaled.question, scaled.runs(), unbounded).axes[1].get_lines()
    assert not [line for line in before if line.get_linestyle() == "--"]
    (broken,) = [line for line in after if line.get_linestyle() == "--"]
    assert list(broken.get_ydata()) == [0, 1]  # of the panel's height
    (hollow,) = [line for line in after if line.get_markerfacecolor() == "white"]
    assert (hollow.get_xdata()[0], hollow.get_ydata()[0]) == (
        broken.get_xdata()[0], first.difference
    )  # fmt: skip


def test_an_unstable_verdict_is_not_drawn(scaled):
    first, *rest = scaled.verdicts()
    lost = replace(first, kind="unstable", difference=math.nan, low=-math.inf, high=math.inf)
    right = scales(scaled.question, scaled.runs(), [lost, *rest]).axes[1]
    (line,) = [line for line in right.get_lines() if line.get_label() == "rope"]
    assert list(line.get_ydata()) == [v.difference for v in rest]


def test_a_law_that_does_not_fit_is_no_curve(scaled):
    runs = scaled.runs()
    bent = runs["variant"].eq("rope@small") & runs["phase"].eq("confirm")
    column = scaled.question.endpoint
    runs[column] = runs[column].where(~bent, runs[column] + 0.2)
    left = scales(scaled.question, runs, scaled.verdicts()).axes[0]
    assert law_of(scaled.question, runs, "rope", extent(scaled.question, runs))
    assert len([line for line in left.get_lines() if len(line.get_xdata()) == 100]) == 1
