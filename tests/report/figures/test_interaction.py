"""Factors: means by level, and errors without what a seed shares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lab.report.collect import open_sweep
from lab.report.figures.interaction import interaction, standard_errors
from lab.report.judging.pairs import confirm_runs

VALUES = st.floats(-5, 5).map(lambda x: round(x, 3))


def means(sweep, *arms):
    return [confirm_runs(sweep.question, sweep.runs(), arm)["endpoint"].mean() for arm in arms]


def test_a_line_a_level_of_the_second_factor(factorial):
    (axes,) = interaction(factorial.question, factorial.runs()).axes
    first, second = (container.lines[0] for container in axes.containers)
    assert first.get_ydata() == pytest.approx(
        means(factorial, "learned+layernorm", "rope+layernorm")
    )
    assert second.get_ydata() == pytest.approx(means(factorial, "learned+rmsnorm", "rope+rmsnorm"))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["learned", "rope"]
    assert axes.get_xlabel() == "position"
    legend = axes.get_legend()
    assert legend.get_title().get_text() == "norm"
    assert [text.get_text() for text in legend.get_texts()] == ["layernorm", "rmsnorm"]


def test_other_factors_are_averaged_over(make_sweep, asking):
    factors = {
        "position": {"learned": {}, "rope": {"model.position": {"kind": "rope"}}},
        "norm": {"layernorm": {}, "rmsnorm": {"model.norm": {"kind": "rmsnorm"}}},
        "mlp": {"gelu": {}, "swiglu": {"model.mlp": {"kind": "swiglu"}}},
    }
    asked = asking(variants={"base": {}}, baseline=None, factors=factors, tune=None)
    losses = {arm: 2 + 0.1 * place for place, arm in enumerate(asked.arms)}
    sweep = open_sweep(make_sweep(asked=asked, loss=losses))
    figure = interaction(asked, sweep.runs())
    assert [axes.get_xlabel() for axes in figure.axes] == ["position", "position", "norm"]
    line = figure.axes[1].containers[1].lines[0]  # swiglu, by position
    arms = [[f"{p}+{n}+swiglu" for n in ("layernorm", "rmsnorm")] for p in ("learned", "rope")]
    assert line.get_ydata() == pytest.approx([np.mean(means(sweep, *pair)) for pair in arms])


@given(arrays(float, (2, 3, 6), elements=VALUES), arrays(float, 6, elements=VALUES))
def test_what_a_seed_shares_is_in_no_error(values, shared):
    assert standard_errors(values + shared) == pytest.approx(standard_errors(values), abs=1e-9)


def test_of_two_cells_it_is_that_of_their_difference():
    """sd(difference)/√n is √2 times the error of each."""
    values = np.random.default_rng(0).normal(size=(1, 2, 9))
    difference = values[0, 0] - values[0, 1]
    expected = difference.std(ddof=1) / 3
    assert standard_errors(values) * np.sqrt(2) == pytest.approx(np.full((1, 2), expected))


def test_independent_cells_keep_their_error():
    """Morey's correction: with many seeds it is the plain standard error."""
    values = np.random.default_rng(1).normal(size=(2, 2, 40_000))
    assert standard_errors(values) == pytest.approx(np.full((2, 2), 1 / 200), rel=0.02)
    assert np.isnan(standard_errors(values[..., :1])).all()


def test_no_factors_no_figure(question, runs_of, factorial):
    assert interaction(question, runs_of(question)) is None
    assert interaction(factorial.question, factorial.runs().head(0)) is None
