"""Losses against what they cost."""

import json

import pytest

from lab.report.collect import open_sweep
from lab.report.figures.cost import cost
from tests.report.figures.drawn import lines, words


def by_label(figure):
    return {axes.get_xlabel(): lines(axes) for axes in figure.axes}


def test_a_line_ends_at_what_a_run_has_cost(plain_sweep):
    sweep = open_sweep(plain_sweep)
    figure = cost(sweep)
    runs, timing = sweep.runs(), sweep.timing()
    rope = runs[(runs["variant"] == "rope") & (runs["phase"] == "confirm")]
    tokens = 400 * 16 * 128
    flops = tokens * int(rope["flops_per_token"].iloc[0])
    spent = timing[timing["run"].isin(rope["run"])]
    seconds = (spent["train"] + spent["eval"]).mean()
    shown = by_label(figure)
    names = ["Training tokens, thousands", "Training FLOPs, billions", "Seconds"]
    assert list(shown) == names
    for name, expected in zip(names, (tokens / 1e3, flops / 1e9, seconds), strict=True):
        line = shown[name]["rope"]
        assert line.get_xdata()[-1] == pytest.approx(expected)
        assert line.get_xdata()[0] == pytest.approx(expected / 10)  # the first evaluation
    assert words(figure) == ["learned", "sinusoidal", "rope"]
    assert {axes.get_xscale() for axes in figure.axes} == {"log"}


def test_what_takes_long_is_counted_in_hours(make_sweep):
    folder = make_sweep()
    for path in folder.glob("runs/*/result.json"):
        result = json.loads(path.read_text())
        result["timing"]["train"] = 7 * 3600 - result["timing"]["eval"]
        path.write_text(json.dumps(result))
    shown = by_label(cost(open_sweep(folder)))["Hours"]
    assert shown["rope"].get_xdata()[-1] == pytest.approx(7)


def test_what_is_not_known_has_no_panel(make_sweep):
    folder = make_sweep()
    for path in folder.glob("runs/rope-*/result.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"timing": {}}))
    assert [*by_label(cost(open_sweep(folder)))] == [
        "Training tokens, thousands", "Training FLOPs, billions"
    ]  # fmt: skip


def test_every_scale_has_its_lines_and_its_name(scaled):
    figure = cost(scaled)
    assert words(figure) == ["learned", "rope"]
    for axes in figure.axes:
        rope = [line for line in axes.get_lines() if line.get_label() == "rope"]
        assert len(rope) == 4
        assert [text.get_text() for text in axes.texts] == list(scaled.question.scales)


def test_without_a_comparison_there_is_no_figure(make_sweep, asking):
    asked = asking(variants={"base": {}}, baseline=None, tune=None)
    assert cost(open_sweep(make_sweep(asked=asked, loss={"base": 2.0}))) is None
    none = dict.fromkeys(("learned", "rope", "sinusoidal"), 0)
    assert cost(open_sweep(make_sweep(name="none", seeds=none))) is None
