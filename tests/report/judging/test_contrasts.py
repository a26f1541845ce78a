"""Verdicts on what is more than one pair: effects of factors, several scales, all pairs, twins."""

import numpy as np
import pytest

from lab.report.judging.verdicts import controls, judge, settled_arms

POSITION = {"learned": {}, "rope": {"model.position": {"kind": "rope"}}}
NORM = {"layernorm": {}, "rmsnorm": {"model.norm": {"kind": "rmsnorm"}}}
SCALES = {"small": {"model.d_model": 32}, "large": {"model.d_model": 64}}
RULES = {"min_seeds": 4, "max_seeds": 8, "alpha": 0.05, "margin": 0.02, "twin": True}
LR = "train.optimizer.lr"


@pytest.fixture
def ask(asking):
    def asked(**parts):
        parts = {"tune": None, "baseline": None, "variants": {"base": {}}, "confirm": RULES} | parts
        return asking(**parts)

    return asked


def planted(means, seeds=range(1, 7), noise=0.004, rng=0):
    """Outcomes with these means; a seed's luck is shared, and all have a little of their own."""
    draws = np.random.default_rng(rng)
    shared = {seed: draws.normal(0, 0.05) for seed in seeds}
    return {
        arm: {seed: mean + shared[seed] + draws.normal(0, noise) for seed in seeds}
        for arm, mean in means.items()
    }


CELLS = ("learned+layernorm", "learned+rmsnorm", "rope+layernorm", "rope+rmsnorm")


def effects(ask, runs_of, means, **confirm):
    question = ask(factors={"position": POSITION, "norm": NORM}, confirm=RULES | confirm)
    runs = runs_of(question, planted(dict(zip(CELLS, means, strict=True))))
    return judge(question, runs)


def test_main_effects_are_found_and_an_absent_interaction_is_equivalent(ask, runs_of):
    position, norm, both = effects(ask, runs_of, (2.0, 1.9, 1.7, 1.6), margin=0.05)
    assert (position.kind, norm.kind, both.kind) == ("decided", "decided", "equivalent")
    assert position.difference == pytest.approx(-0.3, abs=0.01)
    assert norm.difference == pytest.approx(-0.1, abs=0.01)
    assert position.level == pytest.approx(1 - 0.05 / 3)
    assert position.sentence.startswith(
        "Averaged over norm, rope beats learned: its test loss is lower by 0.29"
    )
    assert "none tuned" in position.sentence
    assert both.sentence.startswith("Position and norm do not interact beyond the margin of 0.05")


def test_an_interaction_is_found(ask, runs_of):
    *_, both = effects(ask, runs_of, (2.0, 1.9, 1.7, 1.3))
    assert both.kind == "decided"
    assert both.difference == pytest.approx((1.3 - 1.9) - (1.7 - 2.0), abs=0.02)
    assert both.sentence.startswith(
        "Position and norm interact: the difference of rope from learned in test loss is lower by "
        "0.29"
    )
    assert "nats a token with rmsnorm than with layernorm (" in both.sentence


def test_a_lost_run_makes_every_effect_that_needs_it_unstable(ask, runs_of):
    question = ask(factors={"position": POSITION, "norm": NORM})
    outcomes = planted(dict(zip(CELLS, (2.0, 1.9, 1.7, 1.6), strict=True)))
    outcomes["rope+rmsnorm"][3] = "diverged"
    for verdict in judge(question, runs_of(question, outcomes)):
        assert verdict.kind == "unstable"
        assert "1 of rope+rmsnorm's 6 runs diverged (seed 3)" in verdict.sentence


def test_each_scale_has_a_verdict_of_its_own(ask, runs_of):
    question = ask(variants=POSITION, scales=SCALES)
    means = {"learned@small": 2.3, "rope@small": 2.1, "learned@large": 2.0, "rope@large": 2.1}
    small, large = judge(question, runs_of(question, planted(means)))
    assert (small.scale, large.scale) == ("small", "large")
    assert small.difference < 0 < large.difference
    assert small.level == pytest.approx(0.975)
    assert small.sentence.startswith("At scale small, rope beats learned: its test loss is lower")
    assert large.sentence.startswith("At scale large, rope is worse than learned: its test loss")


def test_all_pairs_share_alpha_and_one_that_is_settled_keeps_its_verdict(ask, runs_of):
    variants = {**POSITION, "none": {"model.position": {"kind": "none"}}}
    question = ask(variants=variants, compare="all")
    outcomes = planted({"learned": 2.0, "rope": 1.5, "none": 2.001}, seeds=range(1, 9))
    verdicts = judge(question, runs_of(question, outcomes))
    assert [(v.variant, v.reference) for v in verdicts] == [
        ("rope", "learned"), ("none", "learned"), ("none", "rope")
    ]  # fmt: skip
    assert [v.level for v in verdicts] == pytest.approx([1 - 0.05 / 3] * 3)
    early = {arm: {s: x for s, x in found.items() if s <= 5} for arm, found in outcomes.items()}
    first = judge(question, runs_of(question, early))[0]
    assert first.kind == "decided"
    assert verdicts[0] == first  # what the other pairs went on to need changes nothing


def test_an_arm_is_settled_when_all_that_it_is_in_are(ask, runs_of):
    variants = {**POSITION, "none": {"model.position": {"kind": "none"}}}
    outcomes = planted({"learned": 2.0, "rope": 1.5, "none": 1.53}, seeds=range(1, 5), noise=0.03)
    question = ask(variants=variants)
    assert settled_arms(question, runs_of(question, outcomes)) == {"learned", "rope", "none"}
    everyone = ask(variants=variants, compare="all")
    assert settled_arms(everyone, runs_of(everyone, outcomes)) == {"learned"}


def test_a_twin_that_agrees_is_fine_and_one_that_does_not_is_flagged(ask, runs_of):
    question = ask(variants=POSITION)
    outcomes = planted({"learned": 2.0, "rope": 1.5, "learned-twin": 2.0})
    runs = runs_of(question, outcomes)
    (twin,) = controls(question, runs)
    assert (twin.effect, twin.kind, twin.level, twin.tau) == ("twin", "undecided", 0.95, 0)
    assert twin.sentence.startswith("The twin control finds nothing, as it should: learned with ")
    assert [verdict.variant for verdict in judge(question, runs)] == ["rope"]
    outcomes = planted({"learned": 2.0, "rope": 1.5, "learned-twin": 2.1})
    (twin,) = controls(question, runs_of(question, outcomes))
    assert twin.kind == "decided"
    assert twin.sentence.startswith("Flagged: learned and its twin, which differ in nothing but")
    assert "By right that happens once in 20" in twin.sentence


def test_a_twin_is_never_equivalent_nor_widened(ask, runs_of):
    tune = {"trials": 4, "space": {LR: {"low": 1e-3, "high": 1e-2, "log": True}}}
    question = ask(variants=POSITION, tune=tune, confirm=RULES | {"margin": 1.0})
    trials = [({LR: rate}, 2.0 + cost) for rate, cost in ((1e-3, 0.1), (3e-3, 0.0), (1e-2, 0.3))]
    outcomes = planted({"learned": 2.0, "rope": 1.5, "learned-twin": 2.0})
    chosen = {arm: {LR: 3e-3} for arm in outcomes}
    runs = runs_of(question, outcomes, dict.fromkeys(POSITION, trials), chosen)
    (twin,) = controls(question, runs)
    assert (twin.kind, twin.tau, twin.caveats) == ("undecided", 0.0, ())
    assert "the same settings" in twin.sentence


def test_tuning_hides_of_an_effect_what_it_hides_of_its_arms_by_weight(ask, runs_of):
    tune = {"trials": 4, "space": {LR: {"low": 1e-3, "high": 1e-2, "log": True}}}
    question = ask(factors={"position": POSITION, "norm": NORM}, tune=tune)
    rates = ((1e-3, 0.2), (2e-3, 0.05), (4e-3, 0.01), (1e-2, 0.4))
    trials = [({LR: rate}, 2.0 + cost) for rate, cost in rates]
    outcomes = planted(dict(zip(CELLS, (2.0, 1.9, 1.7, 1.6), strict=True)))
    chosen = {arm: {LR: 4e-3} for arm in CELLS}
    runs = runs_of(question, outcomes, dict.fromkeys(CELLS, trials), chosen)
    position, _, both = judge(question, runs)
    assert position.tau > 0
    assert both.tau == pytest.approx(2 * position.tau)
    assert "all tuned with 4 trials" in both.sentence


def test_a_run_lost_after_a_contrast_was_settled_changes_nothing_about_it(ask, runs_of):
    question = ask(factors={"position": POSITION, "norm": NORM})
    cells = dict(zip(CELLS, (2.0, 1.9, 1.7, 1.6), strict=True))
    outcomes = planted(cells, noise=0.02)
    early = {arm: {s: x for s, x in found.items() if s <= 4} for arm, found in outcomes.items()}
    before = judge(question, runs_of(question, early))
    outcomes["rope+rmsnorm"][6] = "diverged"
    after = judge(question, runs_of(question, outcomes))
    assert (before[0].kind, before[2].kind) == ("decided", "undecided")
    assert after[0] == before[0]
    assert after[2].kind == "unstable"
    assert after[2].sentence.startswith("The interaction of position and norm is unstable: 1 of")


def test_a_flagged_twin_stays_flagged(ask, runs_of):
    question = ask(variants=POSITION)
    outcomes = planted({"learned": 2.0, "rope": 1.5, "learned-twin": 2.1})
    outcomes["learned"][6] = "diverged"
    (twin,) = controls(question, runs_of(question, outcomes))
    assert (twin.kind, twin.n) == ("decided", 4)


def test_before_the_first_look_nothing_is_said(ask, runs_of):
    question = ask(variants=POSITION, confirm=RULES | {"min_seeds": 8})
    runs = runs_of(question, planted({"learned": 2.0, "rope": 1.5}, seeds=range(1, 6)))
    (verdict,) = judge(question, runs)
    assert (verdict.kind, verdict.settled) == ("undecided", False)
    assert verdict.sentence == (
        "rope against learned is not judged yet: 5 of 8 seeds are finished for both, and none is "
        "looked at before."
    )


def test_arms_that_come_out_the_same_are_told_so(ask, runs_of):
    question = ask(variants=POSITION, confirm=RULES | {"margin": None})
    same = planted({"learned": 2.0})["learned"]
    (verdict,) = judge(question, runs_of(question, {"learned": same, "rope": same}))
    assert verdict.sentence == (
        "rope against learned is undecided: there is no difference on any of 4 seeds, and only a "
        "margin could call that equivalent."
    )
