"""What grows from scale to scale."""

from dataclasses import replace

import numpy as np
import pytest

from lab.report.collect import open_sweep
from lab.report.tables.extent import FLOPS, PARAMETERS, TOKENS, extent, law_of, misfit, seed_sd
from lab.stats.scaling import ScalingLaw, fit_law

WIDE, LONG = {"model.d_model": 96}, {"train.steps": 800}


@pytest.fixture
def at_scales(make_sweep, asking):
    def build(**scales):
        asked = asking(scales={"small": {}, **scales}, tune=None)
        folder = make_sweep(asked=asked, loss=dict.fromkeys(asked.arms, 2.0))
        return asked, open_sweep(folder).runs()

    return build


def grown(runs, arm, **changed):
    """The runs of an arm, with other counts."""
    return runs.assign(**{
        name: runs[name].where(runs["variant"] != arm, value) for name, value in changed.items()
    })  # fmt: skip


@pytest.mark.parametrize(("changed", "name"), [
    ({"n_params": 500_000}, PARAMETERS),
    ({"tokens": 5_000_000}, TOKENS),
    ({"n_params": 500_000, "tokens": 5_000_000}, FLOPS),
    ({"flops_per_token": 2}, FLOPS),
])  # fmt: skip
def test_it_is_what_differs_between_the_references(at_scales, changed, name):
    question, runs = at_scales(large=WIDE)
    small = runs[runs["variant"] == "learned@small"].iloc[0]
    alike = {key: int(small[key]) for key in
             ("n_params", "n_params_embedding", "tokens", "flops_per_token")}  # fmt: skip
    for arm in question.arms:
        runs = grown(runs, arm, **alike)
    found = extent(question, grown(runs, "learned@large", **changed))
    assert found.name == name
    numbers = alike | changed
    assert found.of["learned@large"] == {
        PARAMETERS: numbers["n_params"] - numbers["n_params_embedding"],
        TOKENS: numbers["tokens"],
        FLOPS: numbers["tokens"] * numbers["flops_per_token"],
    }[name]  # fmt: skip


def test_an_arm_has_its_own_number(at_scales):
    question, runs = at_scales(large=WIDE)
    runs = grown(runs, "rope@large", n_params=999_999, n_params_embedding=9)
    found = extent(question, runs)
    assert found.name == PARAMETERS
    assert found.of["rope@large"] == 999_990
    assert {*found.of} == {*question.arms}


def test_nothing_grows_or_nothing_is_there(at_scales):
    question, runs = at_scales(other={"train.optimizer.betas": [0.9, 0.98]})
    assert extent(question, runs) is None
    grows = grown(runs, "learned@other", n_params=999_999)
    assert extent(question, grows) is not None
    assert extent(question, grows[grows["variant"] != "learned@other"]) is None


def test_the_law_is_of_the_seeds_that_all_scales_have(make_sweep, asking):
    scales = {f"d{width}": {"model.d_model": width} for width in (16, 32, 64, 128)}
    asked = asking(scales=scales, tune=None)
    losses = {arm: 1.5 + 6 / float(str(asked.scale_of(arm))[1:]) ** 0.5 for arm in asked.arms}
    runs = open_sweep(make_sweep(asked=asked, loss=losses)).runs()
    size = extent(asked, runs)
    whole = law_of(asked, runs, "rope", size)
    sizes = [size.of[f"rope@{scale}"] for scale in scales]
    assert whole.predict(sizes) == pytest.approx(
        [losses[f"rope@{scale}"] for scale in scales], abs=0.05
    )
    first = runs["variant"].eq("rope@d16") & runs["phase"].eq("confirm")
    fewer = runs[~(first & runs["seed"].eq(4))]
    alike = runs[~runs["seed"].eq(4)]
    assert law_of(asked, fewer, "rope", size) == law_of(asked, alike, "rope", size) != whole
    assert law_of(asked, runs[~first], "rope", size) is None


@pytest.mark.parametrize(("bend", "why"), [(0.0, ""), (0.05, "misfit above 2 SD over seeds")])
def test_a_law_fits_where_seeds_explain_what_it_misses(bend, why):
    x = np.array([1.0, 4.0, 16.0, 64.0])
    noise = np.random.default_rng(0).normal(0, 0.003, (4, 6))
    losses = (1.5 + 2 * x**-0.4)[:, None] * np.exp(noise)
    losses[1] *= 1 + bend
    assert seed_sd(losses) == pytest.approx(0.003, rel=0.4)
    law = fit_law(x, losses)
    assert law is not None
    assert misfit(law, losses) == why


def test_a_law_without_a_floor_does_not_fit():
    law = ScalingLaw(floor=1e-9, scale=2.0, exponent=0.1, residual_sd=0.001)
    losses = law.predict([1.0, 4.0, 16.0, 64.0])[:, None] * np.exp([[-0.01, 0.01]])
    assert misfit(law, losses) == "floor at its bound, 0"
    assert misfit(replace(law, floor=1.0), losses) == ""
    assert misfit(replace(law, floor=1.0), losses[:, :1]) == ""  # a seed says nothing of noise
