"""The plan as a pure function of question and results."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.sweep import SweepConfig
from lab.sweep.plan import Plan, PlannedRun, Result
from lab.sweep.registration import registration
from lab.sweep.rule import rule

BASE: dict[str, Any] = {
    "data": {"corpus": {"kind": "python-docs"}},
    "model": {"n_layers": 1, "n_heads": 2, "d_model": 16, "max_seq_len": 16},
    "train": {"steps": 5, "batch_size": 2},
}
QUESTION: dict[str, Any] = {
    "question": "Which?",
    "base": BASE,
    "variants": {
        "learned": {},
        "rope": {"model.position": {"kind": "rope"}},
        "none-of-these": {"model.norm": {"kind": "rmsnorm"}},
    },
    "tune": {
        "trials": 6,
        "space": {"train.optimizer.lr": {"low": 1e-4, "high": 1e-1, "log": True}},
    },
    "confirm": {"min_seeds": 3, "max_seeds": 5},
}


def plan_of(settled: Mapping[int, set[str]] | None = None, **changes: Any) -> Plan:
    """`settled`: the arms that need no more seeds once so many were seen."""
    raw = {key: value for key, value in {**QUESTION, **changes}.items() if value is not None}
    after = settled or {}

    def judge(runs: Sequence[PlannedRun], results: Mapping[str, Result]) -> set[str]:
        assert all(run.name in results for run in runs)
        seeds = {run.seed for run in runs if run.phase == "confirm"}
        return {name for n, names in after.items() if n <= len(seeds) for name in names}

    return Plan(SweepConfig.parse(raw), "digest", settled=judge)


def loss_of(run: PlannedRun) -> float:
    return abs(run.settings.get("train.optimizer.lr", 0.01) - 0.01)


def answer(run: PlannedRun, status: str = "complete") -> Result:
    metrics = {"val/loss": loss_of(run), "test/loss": 1.0} if status == "complete" else {}
    return {"status": status, "metrics": metrics, "digest": run.digest}


def carry_out(
    plan: Plan, fate: Mapping[tuple[str, int], str] | None = None
) -> list[list[PlannedRun]]:
    """Every round to the end; `fate` gives some (variant, trial) another status."""
    results: dict[str, Result] = {}
    while True:
        rounds = plan.rounds(results)
        todo = [run for batch in rounds for run in batch if run.name not in results]
        if not todo:
            return rounds
        for run in todo:
            status = (fate or {}).get((run.variant, run.trial if run.trial is not None else -1))
            results[run.name] = answer(run, status or "complete")


def test_rounds_of_a_whole_question() -> None:
    rounds = carry_out(plan_of())
    shapes = [[(run.phase, run.trial, run.seed) for run in batch][::3] for batch in rounds]
    assert shapes == [
        [("tune", 0, 0), ("tune", 1, 0), ("tune", 2, 0), ("tune", 3, 0)],
        [("tune", 4, 0), ("tune", 5, 0)],
        [("confirm", None, 1), ("confirm", None, 2), ("confirm", None, 3)],
        [("confirm", None, 4)],
        [("confirm", None, 5)],
    ]
    assert all(len(batch) % 3 == 0 for batch in rounds)


def test_tuning_is_the_same_for_every_variant() -> None:
    first = carry_out(plan_of())[0]
    points = {
        name: [run.settings for run in first if run.variant == name]
        for name in QUESTION["variants"]
    }
    assert points["learned"] == points["rope"] == points["none-of-these"]


def test_the_best_is_confirmed_with_seeds_that_tuning_never_saw() -> None:
    rounds = carry_out(plan_of())
    tuned = [run for batch in rounds[:2] for run in batch if run.variant == "rope"]
    best = min(tuned, key=loss_of)
    confirmed = [run for batch in rounds[2:] for run in batch if run.variant == "rope"]
    assert all(run.settings == best.settings for run in confirmed)
    assert not {run.seed for run in confirmed} & {run.seed for run in tuned}
    assert all(
        run.config.train.optimizer.lr == best.settings["train.optimizer.lr"] for run in confirmed
    )


def test_settled_variants_get_no_more_seeds() -> None:
    rounds = carry_out(plan_of({3: {"rope"}, 4: {"none-of-these", "learned"}}))
    assert [[run.variant for run in batch] for batch in rounds[3:]] == [
        ["learned", "none-of-these"]
    ]
    assert len(carry_out(plan_of({3: {*QUESTION["variants"]}}))) == 3


def test_any_arm_may_be_the_first_that_needs_no_more_seeds() -> None:
    """Of all pairs, the reference's may be settled before the others' are."""
    rounds = carry_out(plan_of({3: {"learned"}}, compare="all"))
    assert [[run.variant for run in batch] for batch in rounds[3:]] == [
        ["rope", "none-of-these"]
    ] * 2


def test_a_twin_has_the_seeds_and_the_settings_of_its_reference() -> None:
    twin = {**QUESTION["confirm"], "twin": True}
    rounds = carry_out(plan_of({4: {"learned", "rope"}}, confirm=twin))
    assert [run.variant for run in rounds[2][:4]] == [*QUESTION["variants"], "learned-twin"]
    assert [[run.variant for run in batch] for batch in rounds[3:]] == [
        [*QUESTION["variants"], "learned-twin"], ["none-of-these"]
    ]  # fmt: skip
    runs = {(run.variant, run.seed): run for batch in rounds for run in batch if run.seed}
    for seed in range(1, 5):
        one, other = runs["learned", seed], runs["learned-twin", seed]
        assert one.settings == other.settings
        assert other.config == one.config.replaced({"init_stream": "twin"})
        assert other.digest != one.digest
        assert other.name == f"learned-twin-{seed}-{other.digest[:8]}"
        assert other.labels == {"variant": "learned-twin", "phase": "confirm"}
    assert not any(run.variant == "learned-twin" for batch in rounds[:2] for run in batch)


def test_at_several_scales_each_reference_has_its_twin() -> None:
    scales = {"small": {"model.d_model": 8}, "large": {}}
    twin = {"min_seeds": 2, "max_seeds": 6}
    rounds = carry_out(plan_of({2: {"learned@small"}}, scales=scales, confirm=twin, tune=None))
    assert len(rounds[0]) == 2 * (2 * 3 + 2)
    going = {run.variant for run in rounds[1]}
    assert "learned-twin@large" in going
    assert "learned-twin@small" not in going
    widths = {run.variant: run.config.model.d_model for run in rounds[0]}
    assert (widths["learned-twin@small"], widths["learned-twin@large"]) == (8, 16)


def test_a_twin_reads_the_text_of_its_reference() -> None:
    asked = SweepConfig.parse({**QUESTION, "confirm": {"max_seeds": 6}})
    plan = Plan(asked, "digest", settled=lambda *_: set(), tokenizer_digests={"learned": "t"})
    digests = {plan.run(n, "confirm", 1).digest for n in ("learned", "learned-twin")}
    other = Plan(asked, "digest", settled=lambda *_: set())
    assert not digests & {other.run(n, "confirm", 1).digest for n in ("learned", "learned-twin")}


def test_a_cell_that_found_nothing_leaves_out_what_is_compared_with_it() -> None:
    factors = {
        "position": {"learned": {}, "rope": {"model.position": {"kind": "rope"}}},
        "norm": {"layernorm": {}, "rmsnorm": {"model.norm": {"kind": "rmsnorm"}}, "none": {
            "model.norm.eps": 1e-3}},
    }  # fmt: skip
    plan = plan_of(variants=None, factors=factors)
    lost = {("rope+none", trial): "failed" for trial in range(6)}
    confirmed = {run.variant for batch in carry_out(plan, lost)[2:] for run in batch}
    assert confirmed == {f"{p}+{n}" for p in factors["position"] for n in ("layernorm", "rmsnorm")}


def test_a_fixed_test_looks_once() -> None:
    rounds = carry_out(plan_of(confirm={"test": "fixed", "max_seeds": 4}))
    assert [len(batch) for batch in rounds] == [12, 6, 12]


def test_without_tuning_or_confirmation() -> None:
    assert [len(batch) for batch in carry_out(plan_of(tune=None))] == [9, 3, 3]
    assert [len(batch) for batch in carry_out(plan_of(confirm=None))] == [12, 6]
    alone = carry_out(plan_of(tune=None, confirm=None))
    assert [[run.phase for run in batch] for batch in alone] == [["run"] * 3]
    seeds = carry_out(plan_of(tune=None, variants={"base": {}}))
    assert [[run.seed for run in batch] for batch in seeds] == [[1, 2, 3, 4, 5]]


def test_a_trial_that_diverged_is_never_the_best() -> None:
    fate = {("rope", trial): "diverged" for trial in (0, 1, 2, 4, 5)}
    fate |= {("rope", 3): "complete"}
    rounds = carry_out(plan_of(), fate)
    chosen = rounds[0][3 * 3 + 1]
    assert (chosen.variant, chosen.trial) == ("rope", 3)
    assert {
        tuple(run.settings.items())
        for batch in rounds[2:]
        for run in batch
        if run.variant == "rope"
    } == {tuple(chosen.settings.items())}


def test_a_variant_without_a_finished_trial_is_not_confirmed() -> None:
    rounds = carry_out(plan_of(), {("rope", trial): "failed" for trial in range(6)})
    assert [run.variant for run in rounds[1]] == ["learned", "none-of-these"] * 2
    assert "rope" not in {run.variant for batch in rounds[2:] for run in batch}
    lost = {("learned", trial): "diverged" for trial in range(6)}
    assert len(carry_out(plan_of(), lost)) == 2  # nothing to compare with


def test_runs_are_named_by_variant_seed_and_digest() -> None:
    names = [run.name for batch in carry_out(plan_of()) for run in batch]
    assert len(set(names)) == len(names)
    for batch in carry_out(plan_of()):
        for run in batch:
            assert run.name == f"{run.variant}-{run.seed}-{run.digest[:8]}"
            assert run.config.seed == run.seed


@settings(deadline=None, max_examples=8, database=None)
@given(order=st.randoms(use_true_random=False))
def test_a_round_does_not_depend_on_who_finished_first(order: Any) -> None:
    plan, results = plan_of(), {}
    expected = carry_out(plan)
    while True:
        rounds = plan.rounds(results)
        assert rounds == expected[: len(rounds)]
        todo = [run for run in rounds[-1] if run.name not in results]
        if not todo:
            break
        run = order.choice(todo)
        results[run.name] = answer(run)
    assert rounds == expected


def test_the_span_bounds_what_is_run() -> None:
    plan = plan_of()
    low, high = plan.span()
    assert (low, high) == (6 * 3 + 3 * 3, 6 * 3 + 5 * 3)
    assert sum(map(len, carry_out(plan))) == high
    early = plan_of({3: {*QUESTION["variants"]}})
    assert sum(map(len, carry_out(early))) == low


def test_the_span_counts_twins_and_who_is_not_looked_at_again() -> None:
    confirm = {"min_seeds": 3, "max_seeds": 6, "metric": "loss@512"}
    base = {**BASE, "evaluate": {"lengths": [512]}}
    plan = plan_of(base=base, baseline="rope", confirm=confirm, tune=None, variants={
        "learned": {}, "rope": {"model.position": {"kind": "rope"}},
        "alibi": {"model.position": {"kind": "alibi"}}})  # fmt: skip
    assert plan.spans() == {"learned": (3, 3), "rope": (3, 6), "alibi": (3, 6), "rope-twin": (3, 6)}
    assert plan.span() == (12, 21)


@pytest.mark.parametrize("change", [{"alpha": 0.1}, {"margin": 0.5}, {"max_seeds": 6}])
def test_the_hash_covers_what_counts_as_an_answer(change: dict[str, Any]) -> None:
    def hash_of(plan: Plan) -> str:
        content = registration(plan, name="q", vocab_sizes=dict.fromkeys(QUESTION["variants"], 50))
        return str(content["hash"])

    assert hash_of(plan_of()) == hash_of(plan_of())
    assert hash_of(plan_of()) != hash_of(plan_of(confirm={**QUESTION["confirm"], **change}))


def test_the_rule_is_told_in_words() -> None:
    text = rule(plan_of().question)
    assert "same 4 points" in text
    assert "then at 2 more" in text
    assert "From 3 seeds on" in text
    assert "at most 5" in text
    assert "level 0.025" in text


def test_the_rule_names_what_is_judged_and_who_has_no_answer() -> None:
    kinds = ("rope", "alibi", "learned")
    asked = {
        **QUESTION,
        "base": {**QUESTION["base"], "evaluate": {"lengths": [512]}},
        "baseline": "rope",
        "variants": {kind: {"model.position": {"kind": kind}} for kind in kinds},
        "confirm": {**QUESTION["confirm"], "metric": "loss@512"},
    }
    text = rule(SweepConfig.parse(asked))
    assert "judged by test/loss@512, the test loss at 512 tokens, after the last step" in text
    assert "The comparison with rope is judged at level 0.05" in text
    assert "learned has no answer at 512 tokens, and is not compared there." in text
