"""Captions say what is drawn, of the question that was asked."""

import pytest

from lab.report.collect import open_sweep
from lab.report.content import figures_of
from lab.report.figures.captions import captions

SPACE = {"train.optimizer.lr": {"low": 1e-3, "high": 3.2e-2, "log": True}}


def test_every_figure_has_one(plain_sweep, plain_search):
    for folder in (plain_sweep, plain_search):
        sweep = open_sweep(folder)
        said = captions(sweep.question)
        assert {*figures_of(sweep)} <= {*said}
        assert all(text.endswith(".") for text in said.values())


def test_the_level_is_that_of_the_verdicts(plain_sweep):
    sweep = open_sweep(plain_sweep)
    text = captions(sweep.question)["differences"]
    assert {v.level for v in sweep.verdicts()} == {0.975}
    assert "at 97.5 %; its thin ends" in text
    assert "its interval is at 95 %" in text  # the twin's
    assert "at 97.5 %, pointwise" in captions(sweep.question)["paired"]


def test_what_is_not_there_is_not_told(asking):
    confirm = {"max_seeds": 5, "twin": False}
    said = captions(asking(tune=None, confirm=confirm))
    for word in ("thin ends", "margin", "twin"):
        assert word not in said["differences"]
    assert "Grey" not in said["paired"]
    with_all = captions(asking(confirm={"max_seeds": 5, "twin": True, "margin": 0.01}))
    for word in ("thin ends", "margin", "twin"):
        assert word in with_all["differences"]


@pytest.mark.parametrize(("sampler", "approximate"), [("random", False), ("quasi-random", True)])
def test_a_budget_curve_is_exact_for_random_search_alone(asking, sampler, approximate):
    question = asking(tune={"sampler": {"kind": sampler}, "trials": 6, "space": SPACE})
    assert ("approximately" in captions(question)["budget"]) is approximate


def test_laws_are_told_where_there_are_scales_enough(asking):
    widths = {f"d{width}": {"model.d_model": width} for width in (16, 32, 64, 96)}
    assert "power law" in captions(asking(scales=widths))["scales"]
    del widths["d96"]
    assert "straight lines" in captions(asking(scales=widths))["scales"]


def test_the_reference_is_named_without_its_scale(asking):
    said = captions(asking(scales={"small": {}, "large": {"model.d_model": 96}}))
    assert "The reference, learned, is dashed." in said["curves"]
    assert "A row a scale." in said["curves"]


def test_what_is_missing_from_a_figure_is_told(asking):
    said = captions(asking(tune={"sampler": {"kind": "random"}, "trials": 6, "space": SPACE}))
    assert "A cross at the right edge" in said["differences"]
    assert "A hollow mark on a broken line has no bounds yet." in said["scales"]
    assert "so few that they bound nothing" in said["budget"]
