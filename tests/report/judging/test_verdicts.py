"""Verdicts from planted differences, each rule by itself, against scipy and the formulas."""

import math

import numpy as np
import pytest
from scipy import stats

from lab.errors import SweepError
from lab.report.judging.verdicts import judge
from lab.stats.sequential import confidence_sequence, log_e_value

LR = "train.optimizer.lr"
FOUR = (1, 2, 3, 4)


def losses(mean, sd, seeds, rng=0):
    values = np.random.default_rng(rng).normal(0, 1, len(seeds))
    values = (values - values.mean()) / values.std(ddof=1) if len(seeds) > 1 else values
    return {s: float(mean + sd * v) for s, v in zip(seeds, values, strict=True)}


def pair(difference, sd, seeds, **more):
    """Outcomes of `learned` and `rope` whose paired difference has exactly this mean and SD."""
    d = losses(difference, sd, seeds)
    shared = losses(2.1, 0.02, seeds, rng=1)
    return {"learned": shared, "rope": {s: shared[s] + d[s] for s in seeds}, **more}


@pytest.fixture
def two(asking):
    """learned against rope, untuned, one comparison, a margin of 0.01."""

    def ask(**confirm):
        rules = {"min_seeds": 4, "max_seeds": 8, "alpha": 0.05, "margin": 0.01, **confirm}
        variants = {"learned": {}, "rope": {"model.position": {"kind": "rope"}}}
        return asking(tune=None, variants=variants, confirm=rules)

    return ask


def test_decided(two, runs_of):
    question = two()
    runs = runs_of(question, pair(-0.234, 0.009, FOUR))
    (verdict,) = judge(question, runs)
    assert verdict.kind == "decided"
    assert verdict.settled
    assert (verdict.variant, verdict.reference, verdict.n) == ("rope", "learned", 4)
    assert verdict.difference == pytest.approx(-0.234)
    assert (verdict.low, verdict.high) == pytest.approx(
        confidence_sequence(verdict.differences, alpha=0.05)
    )
    assert verdict.level == pytest.approx(0.95)
    assert verdict.e_value == pytest.approx(math.exp(log_e_value(verdict.differences)))
    assert verdict.e_value > 20
    assert verdict.d_z == pytest.approx(-0.234 / 0.009)
    assert verdict.p_lower == 1
    assert verdict.sentence == (
        "rope beats learned: its test loss is lower by 0.234 nats a token "
        "(95 % interval 0.202 to 0.266, 4 seeds, neither tuned)."
    )


def test_decided_against_the_variant(two, runs_of):
    question = two()
    (verdict,) = judge(question, runs_of(question, pair(0.2, 0.009, FOUR)))
    assert verdict.kind == "decided"
    assert "rope is worse than learned: its test loss is higher by 0.200" in verdict.sentence


def test_the_level_is_shared_between_comparisons(asking, runs_of):
    question = asking(tune=None)
    outcomes = pair(-0.2, 0.009, FOUR, sinusoidal=losses(2.1, 0.02, FOUR, rng=2))
    sinusoidal, rope = judge(question, runs_of(question, outcomes))
    assert (sinusoidal.variant, rope.variant) == ("sinusoidal", "rope")
    assert rope.level == pytest.approx(0.975)
    assert (rope.low, rope.high) == pytest.approx(
        confidence_sequence(rope.differences, alpha=0.025)
    )
    assert "97.5 % interval" in rope.sentence


def test_equivalent(two, runs_of):
    question = two()
    (verdict,) = judge(question, runs_of(question, pair(0.0005, 0.002, range(1, 9))))
    assert verdict.kind == "equivalent"
    assert verdict.settled
    assert not verdict.real_but_small
    assert "equivalent within the margin of 0.01 nats a token" in verdict.sentence
    assert "interval of the difference −0.00" in verdict.sentence


def test_real_but_below_the_margin(two, runs_of):
    question = two()
    (verdict,) = judge(question, runs_of(question, pair(-0.004, 0.001, range(1, 9))))
    assert verdict.kind == "equivalent"
    assert verdict.real_but_small
    assert "a real difference but below the margin" in verdict.sentence


def test_without_a_margin_nothing_is_equivalent(two, runs_of):
    question = two(margin=None)
    (verdict,) = judge(question, runs_of(question, pair(0.0002, 0.002, range(1, 9))))
    assert verdict.kind == "undecided"
    assert verdict.settled  # by the greatest number of seeds
    assert any("no margin" in line for line in verdict.caveats)


def test_undecided_says_how_many_more_seeds(two, runs_of):
    question = two(max_seeds=40)
    (verdict,) = judge(question, runs_of(question, pair(-0.02, 0.015, FOUR)))
    assert verdict.kind == "undecided"
    assert not verdict.settled
    assert verdict.more_seeds is not None
    # as many seeds with the same mean and spread are just enough
    for n, kind in ((4 + verdict.more_seeds, "decided"), (3 + verdict.more_seeds, "undecided")):
        late = two(max_seeds=40, min_seeds=n)  # looks once: what earlier seeds say is no part of it
        (again,) = judge(late, runs_of(late, pair(-0.02, 0.015, range(1, n + 1))))
        assert again.kind == kind
    assert f"About {verdict.more_seeds} more seeds should settle it" in verdict.sentence


def test_three_seeds_bound_nothing(two, runs_of):
    question = two(min_seeds=2)
    (verdict,) = judge(question, runs_of(question, pair(-0.2, 0.001, (1, 2, 3))))
    assert verdict.kind == "undecided"
    assert (verdict.low, verdict.high) == (-math.inf, math.inf)
    assert "3 seeds cannot bound the difference yet" in verdict.sentence


def test_one_seed_is_a_beginning(two, runs_of):
    question = two()
    (verdict,) = judge(question, runs_of(question, pair(-0.2, 0.0, (1,))))
    assert (verdict.n, verdict.kind, verdict.d_z) == (1, "undecided", None)


@pytest.mark.parametrize("outcomes", [{}, {"learned": {1: 2.0}}, {"rope": {1: 2.0}}])
def test_nothing_in_common_is_unmeasured(two, runs_of, outcomes):
    question = two()
    (verdict,) = judge(question, runs_of(question, outcomes))
    assert (verdict.kind, verdict.n, verdict.settled) == ("unmeasured", 0, False)
    assert "no seed is finished for both yet" in verdict.sentence


def test_the_prefix_of_seeds_counts_not_who_was_fast(two, runs_of):
    question = two()
    outcomes = pair(-0.2, 0.01, range(1, 7))
    outcomes["rope"][3] = "planned"
    (verdict,) = judge(question, runs_of(question, outcomes))
    assert verdict.seeds == (1, 2)
    del outcomes["rope"][3]
    assert judge(question, runs_of(question, outcomes))[0].seeds == (1, 2)


def test_a_settled_variant_needs_no_later_seeds(two, runs_of):
    question = two()
    outcomes = pair(-0.2, 0.01, range(1, 7))
    del outcomes["rope"][5], outcomes["rope"][6]
    assert judge(question, runs_of(question, outcomes))[0].seeds == FOUR


@pytest.mark.parametrize("status", ["diverged", "failed"])
def test_a_lost_run_leaves_ranks_only(two, runs_of, status):
    question = two()
    outcomes = pair(-0.2, 0.01, range(1, 8))
    outcomes["rope"][3] = status
    (verdict,) = judge(question, runs_of(question, outcomes))
    assert verdict.kind == "unstable"
    assert verdict.settled
    assert math.isnan(verdict.difference)
    assert verdict.p_value == pytest.approx(stats.binomtest(6, 7).pvalue)
    assert f"1 of rope's 7 runs {status} (seed 3)" in verdict.sentence
    assert "rope was better on 6 of 7 seeds" in verdict.sentence
    ended = [
        math.nan if loss == status else loss - outcomes["learned"][seed]
        for seed, loss in outcomes["rope"].items()
    ]
    assert verdict.differences == pytest.approx(ended, nan_ok=True)


def test_a_lost_reference_unsettles_every_comparison(asking, runs_of):
    question = asking(tune=None)
    outcomes = pair(-0.2, 0.009, FOUR, sinusoidal=losses(2.1, 0.02, FOUR, rng=2))
    outcomes["learned"][2] = "diverged"
    verdicts = judge(question, runs_of(question, outcomes))
    assert [v.kind for v in verdicts] == ["unstable", "unstable"]
    assert all("1 of learned's 4 runs diverged (seed 2)" in v.sentence for v in verdicts)


def test_a_fixed_test_is_students_and_looks_once(asking, runs_of):
    confirm = {"test": "fixed", "max_seeds": 6, "alpha": 0.05}
    question = asking(tune=None, confirm=confirm)
    six = range(1, 7)
    outcomes = pair(-0.02, 0.009, six, sinusoidal=losses(2.1, 0.02, six, rng=2))
    early = {name: dict(list(seeds.items())[:5]) for name, seeds in outcomes.items()}
    for verdict in judge(question, runs_of(question, early)):
        assert (verdict.kind, verdict.settled, verdict.p_value) == ("undecided", False, None)
        assert math.isinf(verdict.low)
        assert "a fixed test looks only once" in verdict.sentence
    sinusoidal, rope = judge(question, runs_of(question, outcomes))
    expected = stats.ttest_rel(
        list(outcomes["rope"].values()), list(outcomes["learned"].values())
    ).confidence_interval(0.975)
    assert (rope.low, rope.high) == pytest.approx(tuple(expected))
    assert (rope.kind, rope.settled, rope.e_value) == ("decided", True, None)
    assert rope.p_value == 2 / 2**6
    assert rope.p_holm == 2 * rope.p_value
    assert sinusoidal.p_holm == max(sinusoidal.p_value, rope.p_holm)
    assert sinusoidal.settled


BOWL = [5e-4 * 2**octave for octave in (0.5, 1.5, 2.5, 3.5, 4.5)]


def trials(best_octave, floor=2.0, octave=0.1):
    return [({LR: lr}, floor + octave * (math.log2(lr / 5e-4) - best_octave) ** 2) for lr in BOWL]


@pytest.fixture
def tuned(two, question):
    """The same with one learning rate tuned in five trials."""

    def ask(**confirm):
        raw = two(**confirm).dump()
        raw["tune"] = {**question.dump()["tune"], "trials": 5, "refine": 0}
        return type(question).parse(raw)

    return ask


CHOSEN = {"learned": {LR: BOWL[2]}, "rope": {LR: BOWL[2]}}


def test_the_interval_is_widened_by_what_tuning_left(tuned, runs_of):
    question = tuned()
    tune = {"learned": trials(2.5), "rope": trials(2.8)}  # rope is 0.3 octaves off: 0.009
    runs = runs_of(question, pair(-0.234, 0.009, FOUR), tune, CHOSEN)
    (verdict,) = judge(question, runs)
    assert verdict.tau == pytest.approx(0.1 * 0.3**2)
    low, high = confidence_sequence(verdict.differences, alpha=0.05)
    assert (verdict.low, verdict.high) == pytest.approx((low - 0.009, high + 0.009))
    assert verdict.kind == "decided"
    assert "both tuned with 5 trials" in verdict.sentence
    assert any("widened on each side by 0.0090 nats a token" in line for line in verdict.caveats)


def test_too_coarse_a_tuning_decides_nothing(tuned, runs_of):
    question = tuned()
    tune = {"learned": trials(2.5), "rope": trials(2.9)}  # 0.016
    runs = runs_of(question, pair(-0.015, 0.002, FOUR), tune, CHOSEN)
    (verdict,) = judge(question, runs)
    _, high = confidence_sequence(verdict.differences, alpha=0.05)
    assert high < 0  # the seeds alone would have decided
    assert verdict.kind == "undecided"
    assert not verdict.settled
    # half the spacing leaves a quarter
    affordable = -high
    assert verdict.more_trials == math.ceil(5 * math.sqrt(0.016 / affordable)) - 5
    assert "differ at these settings, but the tuning was too coarse" in verdict.sentence
    assert f"About {verdict.more_trials} more trial" in verdict.sentence


def test_tuning_that_cannot_be_assessed_decides_nothing(tuned, runs_of):
    question = tuned()
    lost = [(settings, "diverged") for settings, _ in trials(2.5)]
    tune = {"learned": trials(2.5), "rope": [*lost[:2], trials(2.5)[2], *lost[3:]]}
    runs = runs_of(question, pair(-0.234, 0.009, FOUR), tune, CHOSEN)
    (verdict,) = judge(question, runs)
    assert (verdict.kind, verdict.tau, verdict.more_trials) == ("undecided", None, 3)
    assert any("could not be estimated" in line for line in verdict.caveats)
    assert any("4 of 5 tuning trials of rope diverged or failed" in x for x in verdict.caveats)


def test_a_variant_that_never_trained_is_not_waited_for(tuned, runs_of):
    question = tuned()
    tune = {"learned": trials(2.5), "rope": [(s, "diverged") for s, _ in trials(2.5)]}
    runs = runs_of(question, {"learned": losses(2.1, 0.01, FOUR)}, tune, CHOSEN)
    (verdict,) = judge(question, runs)
    assert (verdict.kind, verdict.settled) == ("unmeasured", True)
    assert "none of rope's 5 tuning trials ended with a finite loss" in verdict.sentence


def test_an_edge_is_told(tuned, runs_of):
    question = tuned()
    chosen = {"learned": {LR: BOWL[2]}, "rope": {LR: BOWL[0] * 0.75}}
    tune = {"learned": trials(2.5), "rope": trials(0.1)}
    (verdict,) = judge(question, runs_of(question, pair(-0.2, 0.009, FOUR), tune, chosen))
    assert any("rope chose train.optimizer.lr=0.00053, at an edge" in x for x in verdict.caveats)


def test_a_winner_at_its_own_rate_only_is_told(tuned, runs_of):
    question = tuned()
    narrow = [(s, 3.0 if s[LR] != BOWL[2] else 1.9) for s, _ in trials(2.5)]
    tune = {"learned": trials(2.5), "rope": narrow}
    (verdict,) = judge(question, runs_of(question, pair(-0.9, 0.009, FOUR), tune, CHOSEN))
    assert verdict.kind == "decided"
    assert any("lower at 1 of the 5 settings" in line for line in verdict.caveats)
    wide = [(s, loss - 0.5) for s, loss in trials(2.5)]
    tune = {"learned": trials(2.5), "rope": wide}
    (verdict,) = judge(question, runs_of(question, pair(-0.5, 0.009, FOUR), tune, CHOSEN))
    assert verdict.kind == "decided"
    assert not any("own best settings only" in line for line in verdict.caveats)


def test_a_lone_variant_is_measured(asking, runs_of):
    confirm = {"test": "fixed", "max_seeds": 3}
    question = asking(tune=None, baseline=None, variants={"base": {}}, confirm=confirm)
    values = [1.8950, 1.9051, 1.8969]
    outcomes = {"base": dict(zip((1, 2, 3), values, strict=True))}
    (verdict,) = judge(question, runs_of(question, outcomes))
    assert (verdict.kind, verdict.settled, verdict.n) == ("measured", True, 3)
    interval = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (verdict.low, verdict.high) == pytest.approx(tuple(interval))
    assert verdict.sentence == (
        "base reaches 1.899 ± 0.013 nats a token on the test split "
        "(95 % interval for the mean, 3 seeds)."
    )
    outcomes["base"][2] = "diverged"
    (verdict,) = judge(question, runs_of(question, outcomes))
    assert verdict.sentence == "base is unstable: 1 of base's 3 runs diverged (seed 2)."
    (verdict,) = judge(question, runs_of(question))
    assert (verdict.kind, verdict.settled) == ("unmeasured", False)


def test_without_confirmation_there_is_no_verdict(tuned, runs_of):
    question = type(tuned()).parse({**tuned().dump(), "confirm": None})
    tune = {"learned": trials(2.5), "rope": trials(2.5, floor=1.9)}
    (verdict,) = judge(question, runs_of(question, tune=tune))
    assert (verdict.kind, verdict.settled) == ("unmeasured", True)
    assert "rope reaches 1.900 nats a token on the validation split" in verdict.sentence
    assert "the best of 5 tuning trials, against 2.000 for learned" in verdict.sentence
    assert "no verdict" in verdict.sentence


def test_tokenizers_are_compared_in_bits_a_byte(asking, runs_of):
    variants = {"char": {}, "bpe": {"data.tokenizer": {"kind": "bpe"}}}
    question = asking(tune=None, baseline=None, variants=variants)
    char = losses(3.1, 0.02, FOUR)
    outcomes = {"char": char, "bpe": {s: x - 0.5 + s * 1e-3 for s, x in char.items()}}
    (verdict,) = judge(question, runs_of(question, outcomes))
    assert verdict.metric == "test/bpb"
    assert "bits a byte" in verdict.sentence


@pytest.fixture
def at_256(asking, question):
    """rope against sinusoidal and learned, which ends at 128, judged at 256 tokens."""

    def ask(**parts):
        base = {**question.dump()["base"], "evaluate": {"lengths": [256]}}
        confirm = {"min_seeds": 4, "max_seeds": 8, "metric": "loss@256", **parts.pop("confirm", {})}
        return asking(
            **{"base": base, "tune": None, "baseline": "rope", "confirm": confirm, **parts}
        )

    return ask


def test_no_answer_is_no_comparison_and_costs_no_alpha(at_256, runs_of):
    question = at_256()
    outcomes = pair(-0.2, 0.009, FOUR)
    runs = runs_of(question, {"sinusoidal": outcomes["learned"], "rope": outcomes["rope"]})
    learned, sinusoidal = judge(question, runs)
    assert (learned.variant, learned.kind, learned.settled) == ("learned", "undefined", True)
    assert (learned.n, learned.differences) == (0, ())
    assert math.isnan(learned.difference)
    assert (sinusoidal.kind, sinusoidal.level) == ("decided", pytest.approx(0.95))
    assert "its test loss at 256 tokens is higher by 0.200 nats a token" in sinusoidal.sentence


def test_runs_without_an_answer_are_not_asked_for_one(at_256, runs_of):
    question = at_256()
    runs = runs_of(question, {"learned": {1: 2.0}, "rope": {1: 1.9}, "sinusoidal": {1: 2.1}})
    runs.loc[runs["variant"] == "learned", "test/loss@256"] = np.nan
    assert judge(question, runs)[0].kind == "undefined"


def test_holm_counts_what_can_be_compared(at_256, runs_of):
    question = at_256(confirm={"test": "fixed", "min_seeds": None, "max_seeds": 6})
    outcomes = pair(-0.2, 0.009, range(1, 7))
    runs = runs_of(question, {"sinusoidal": outcomes["learned"], "rope": outcomes["rope"]})
    learned, sinusoidal = judge(question, runs)
    assert learned.p_holm is None
    assert sinusoidal.p_holm == sinusoidal.p_value == pytest.approx(2 / 64)


def test_tuning_at_the_training_length_is_a_caveat_and_its_trials_are_not(at_256, runs_of, tuned):
    tune = tuned().dump()["tune"]
    variants = {"rope": {}, "sinusoidal": {"model.position": {"kind": "sinusoidal"}}}
    question = at_256(
        tune=tune, variants={**variants, "rope": {"model.position": {"kind": "rope"}}}
    )
    narrow = [(s, 3.0 if s[LR] != BOWL[2] else 1.9) for s, _ in trials(2.5)]
    outcomes = pair(-0.9, 0.009, FOUR)
    chosen = {name: next(iter(CHOSEN.values())) for name in question.variants}
    runs = runs_of(
        question,
        {"rope": outcomes["learned"], "sinusoidal": outcomes["rope"]},
        {"rope": trials(2.5), "sinusoidal": narrow},
        chosen,
    )
    (verdict,) = judge(question, runs)
    assert any("at the length of training, not at 256 tokens" in x for x in verdict.caveats)
    assert not any("own best settings only" in line for line in verdict.caveats)


def test_a_lone_variant_at_another_length_says_so(at_256, runs_of):
    confirm = {"test": "fixed", "min_seeds": None, "max_seeds": 3}
    variants = {"base": {"model.position": {"kind": "rope"}}}
    question = at_256(baseline=None, variants=variants, confirm=confirm)
    (verdict,) = judge(question, runs_of(question, {"base": {1: 1.895, 2: 1.9051, 3: 1.8969}}))
    assert "reaches 1.899 ± 0.013 nats a token on the test split at 256 tokens" in verdict.sentence


def test_a_complete_run_without_the_endpoint_is_refused(two, runs_of):
    question = two()
    runs = runs_of(question, pair(-0.2, 0.01, FOUR))
    runs.loc[0, "test/loss"] = np.nan
    with pytest.raises(SweepError, match=r"is complete, but its result has no test/loss"):
        judge(question, runs)


def test_two_runs_of_one_seed_are_refused(two, runs_of):
    question = two()
    runs = runs_of(question, pair(-0.2, 0.01, FOUR))
    runs.loc[1, "seed"] = 1
    with pytest.raises(SweepError, match="mixes two plans"):
        judge(question, runs)


def test_the_order_of_rows_does_not_matter(two, runs_of):
    question = two()
    runs = runs_of(question, pair(-0.02, 0.015, range(1, 8)))
    assert judge(question, runs.sample(frac=1, random_state=3)) == judge(question, runs)


def test_equal_variants_are_seldom_decided(two, runs_of):
    """Planted truth, look after look: the whole path from table to verdict."""
    question, decided = two(margin=None), 0
    for k in range(25):
        rng = np.random.default_rng(k)
        shared = rng.normal(2.1, 0.02, 8)
        outcomes = {
            name: {s + 1: shared[s] + rng.normal(0, 0.01) for s in range(8)}
            for name in ("learned", "rope")
        }
        runs = runs_of(question, outcomes)
        for n in range(4, 9):
            (verdict,) = judge(question, runs[runs["seed"] <= n])
            if verdict.kind == "decided":
                decided += 1
                break
    assert decided <= 3  # about one expected at 5 %; more than three has probability 0.03


def test_a_seed_that_served_another_comparison_changes_no_verdict(asking, runs_of):
    """rope is settled after four seeds; the reference goes on for sinusoidal and diverges."""
    question = asking(tune=None)
    outcomes = pair(-0.2, 0.009, FOUR, sinusoidal=losses(2.1, 0.02, (*FOUR, 5), rng=2))
    before = {v.variant: v for v in judge(question, runs_of(question, outcomes))}
    outcomes["learned"][5] = "diverged"
    after = {v.variant: v for v in judge(question, runs_of(question, outcomes))}
    assert before["rope"].kind == after["rope"].kind == "decided"
    assert after["rope"].sentence == before["rope"].sentence
    assert after["sinusoidal"].kind == "unstable"


def test_what_tuning_left_is_bounded_by_the_floor(asking, runs_of):
    """Two trials estimate nothing, yet nobody can gain more than lies above the floor."""
    variants = {"learned": {}, "rope": {"model.position": {"kind": "rope"}}}
    question = asking(variants=variants)
    trials = [({LR: 2e-3}, 2.2), ({LR: 6e-3}, 2.1)]
    outcomes, chosen = pair(-0.234, 0.009, FOUR), {name: {LR: 6e-3} for name in variants}
    runs = runs_of(question, outcomes, dict.fromkeys(variants, trials), chosen)
    (free,) = judge(question, runs)
    assert (free.kind, free.tau) == ("undecided", None)
    (verdict,) = judge(question, runs.assign(**{"val/excess": 0.02, "val/excess_se": 0.001}))
    assert verdict.kind == "decided"
    assert verdict.tau == pytest.approx(2 * (0.02 + 1.96 * 0.001), abs=1e-6)
    assert verdict.high == pytest.approx(free.high + verdict.tau)
    assert verdict.caveats[:2] == (
        "the interval is widened on each side by 0.044 nats a token, what the tuning of both sides "
        "may have left on the table",
        "what tuning may have left of rope and learned is taken to be all that the chosen trial's "
        "loss exceeds the floor by, at the upper end of its interval: no settings gain more",
    )
