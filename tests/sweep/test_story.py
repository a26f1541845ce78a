"""Searches as a story: every sampler with every pruner, told again, interrupted."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.sweep.record import schedule_content, trials_content
from lab.sweep.story import Story
from tests.sweep.simulated import (
    LR,
    PRUNERS,
    RATE,
    SAMPLERS,
    SPACE,
    answer,
    asked_for,
    carry_out,
    plan_of,
    question,
    search,
    told,
)

PAIRS = [
    pair
    for pair in itertools.product(SAMPLERS, PRUNERS)
    if pair[0] != "gp" or pair[1] in ("none", "median")  # a second a batch; all are in proofs
]


@pytest.mark.parametrize(("sampler", "pruner"), PAIRS, ids=map("-".join, PAIRS))
def test_every_sampler_goes_with_every_pruner(sampler: str, pruner: str) -> None:
    asked = search(sampler, pruner)
    plan = plan_of(asked)
    story, results = carry_out(plan)
    assert asked.tune is not None
    assert len(story.trials) == asked.tune.n_trials
    assert {trial.state for trial in story.trials} <= {"complete", "pruned"}
    assert [trial.number for trial in story.trials] == list(range(len(story.trials)))
    best = story.best("base")
    assert best is not None
    assert best.state == "complete"
    again, _ = carry_out(plan, shuffled=3)  # whoever ends first
    assert told(again) == told(story)
    assert asked_for(again.rounds) == asked_for(story.rounds)
    replayed = Story(plan, results)  # as a sweep is continued
    replayed.advance()
    assert replayed.is_over
    assert told(replayed) == told(story)


@settings(max_examples=20, deadline=None)
@given(
    sampler=st.sampled_from(["quasi-random", "tpe", "cma-es", "nsga-ii"]),
    pruner=st.sampled_from(list(PRUNERS)),
    rounds=st.integers(0, 8),
)
def test_a_story_broken_off_anywhere_goes_on_the_same(
    sampler: str, pruner: str, rounds: int
) -> None:
    plan = plan_of(search(sampler, pruner))
    whole, _ = carry_out(plan)
    broken, results = carry_out(plan, rounds=rounds)
    kept = {"base": [trial.settings for trial in broken.trials]}
    continued = Story(plan_of(search(sampler, pruner), asked=kept), results)
    continued.advance()
    assert asked_for(continued.rounds) == asked_for(broken.rounds)
    while not continued.is_over:
        for run in continued.rounds[-1]:
            if not run.is_done(results):
                results[run.name] = answer(run)
        continued.advance()
    assert told(continued) == told(whole)


@pytest.mark.parametrize("pruner", ["successive-halving", "hyperband", "median"])
def test_trials_given_up_are_not_trained_on(pruner: str) -> None:
    plan = plan_of(search("quasi-random", pruner, trials=27, refine=0))
    story, results = carry_out(plan)
    pruned = [trial for trial in story.trials if trial.state == "pruned"]
    assert pruned
    assert set(story.given_up) == {name for trial in pruned for name in trial.runs}
    for trial in pruned:
        assert trial.values is None
        assert trial.tokens < trial.full_tokens
        assert results[trial.runs[0]]["status"] == "running"  # the supervisor calls it pruned
        assert max(trial.intermediate) == results[trial.runs[0]]["step"]
        assert trial.reason
        assert "tokens" in trial.reason


def test_successive_halving_finds_the_best_with_half_of_the_tokens() -> None:
    full, _ = carry_out(plan_of(search("quasi-random", trials=27, refine=0, space=RATE)))
    halved, _ = carry_out(
        plan_of(search("quasi-random", "successive-halving", trials=27, refine=0, space=RATE))
    )
    best, found = full.best("base"), halved.best("base")
    assert best
    assert found
    assert best.values
    assert found.values
    assert found.values[0] <= best.values[0] + 0.02  # two SD of the noise
    spent = sum(trial.tokens for trial in halved.trials)
    assert spent < 0.5 * sum(trial.tokens for trial in full.trials)
    assert sum(trial.full_tokens for trial in halved.trials) == sum(t.tokens for t in full.trials)


def test_each_rung_is_at_equal_tokens_inside_one_variant() -> None:
    asked = question(
        variants={"a": {}, "b": {"model.norm": {"kind": "rmsnorm"}}},
        tune={
            "trials": 6,
            "pruner": {"kind": "successive-halving"},
            "space": {**RATE, "train.batch_size": [2, 4]},
        },
    )
    plan = plan_of(asked)
    story, _ = carry_out(plan)
    for batch in story.rounds:
        paused = {run.until * run.config.tokens_per_step for run in batch if run.until}
        assert len(paused) <= 1
    survivors = {trial.variant for trial in story.trials if trial.state == "complete"}
    assert survivors == {"a", "b"}  # nobody is pruned by another variant


def test_a_trial_stops_when_its_first_seeds_settle_it() -> None:
    plan = plan_of(search("quasi-random", "seeds", trials=8, refine=0, seeds=5))
    story, _ = carry_out(plan)
    stopped = [trial for trial in story.trials if trial.state == "pruned"]
    assert stopped
    for trial in story.trials:
        seeds = len(trial.replicates)
        assert seeds == len(trial.runs)
        assert (seeds == 5) == (trial.state == "complete")
        assert trial.values == [pytest.approx(sum(v[0] for v in trial.replicates) / seeds)]
    best = story.best("base")
    assert best
    assert all(t.replicates[0][0] > best.replicates[0][0] for t in stopped)


def test_without_settle_every_seed_is_trained() -> None:
    story, _ = carry_out(plan_of(search("quasi-random", "seeds", settle=None)))
    assert all(len(trial.runs) == 3 for trial in story.trials)


def test_confirmation_never_sees_a_seed_of_the_search() -> None:
    asked = question(tune={"trials": 3, "space": RATE, "seeds": 3}, confirm={"max_seeds": 4})
    story, _ = carry_out(plan_of(asked))
    seeds = {
        phase: {r.seed for r in story.runs if r.phase == phase} for phase in ("tune", "confirm")
    }
    assert seeds["tune"] == {0, 1, 2}
    assert seeds["confirm"] == {3, 4, 5, 6}
    best = story.best("base")
    assert best
    assert {tuple(r.settings.items()) for r in story.runs if r.phase == "confirm"} == {
        tuple(best.settings.items())
    }


def test_two_trials_that_ask_for_one_run_share_it() -> None:
    same = {"a": {"model.bias": False}, "b": {"model.tie_embeddings": True}}  # both are the base
    space = {"label": same, "train.optimizer.lr": [1e-3, 1e-2]}
    asked = question(tune={"sampler": {"kind": "grid"}, "space": space, **PRUNERS["median"]})
    story, results = carry_out(plan_of(asked))
    assert len(story.trials) == 4
    assert len(results) == 2
    assert story.trials[0].runs == story.trials[2].runs
    assert not {name for name in story.given_up if any(
        name in trial.runs for trial in story.trials if trial.state == "complete"
    )}  # fmt: skip


def test_what_was_asked_stands_whatever_the_sampler_would_say_now() -> None:
    kept = {"base": [{"train.optimizer.lr": 0.005, "train.optimizer.weight_decay": 0.25}]}
    story, _ = carry_out(plan_of(search("tpe"), asked={"base": kept["base"] * 9}))
    assert all(trial.settings == kept["base"][0] for trial in story.trials)


def test_trials_to_try_come_first_and_are_filled_up() -> None:
    first = {"train.optimizer.lr": 0.005}
    for sampler in ("quasi-random", "tpe"):
        story, _ = carry_out(plan_of(search(sampler, **{"try": [first]})))
        assert len(story.trials) == 9
        assert story.trials[0].source == "try"
        assert story.trials[0].settings["train.optimizer.lr"] == 0.005
        assert set(story.trials[0].settings) == set(SPACE)
        assert all(trial.source != "try" for trial in story.trials[1:])


def test_a_constraint_keeps_settings_from_being_tried() -> None:
    space = {"model.n_layers": {"low": 1, "high": 6}, "model.d_model": [16, 32, 64]}
    bound = 4 * question().base.model.n_params(64)
    for sampler in ({"kind": "grid"}, {"kind": "random"}, {"kind": "tpe", "width": 4}):
        tune = {"sampler": sampler, "space": space, "constraints": [f"model.n_params < {bound}"]}
        if sampler["kind"] != "grid":
            tune["trials"] = 6
        story, _ = carry_out(plan_of(question(tune=tune)))
        assert story.trials
        assert all(trial.counts["n_params"] < bound for trial in story.trials)
        if sampler["kind"] == "grid":
            assert len(story.trials) + len(story.skipped) == 18
            assert all("breaks model.n_params" in reason for *_, reason in story.skipped)


def test_several_objectives_have_no_best_but_values() -> None:
    tune = {"trials": 8, "objective": ["val/loss", "model.n_params"], "space": RATE}
    for sampler in ("random", "tpe", "nsga-ii", "gp"):
        kind = SAMPLERS[sampler].get("sampler", {"kind": sampler})
        story, _ = carry_out(plan_of(question(tune={**tune, "sampler": kind})))
        assert all(trial.values and len(trial.values) == 2 for trial in story.trials)


def test_the_greatest_is_best_when_the_objective_is_maximised() -> None:
    objective = {"metric": "val/loss", "direction": "maximize"}
    for pruner in ("none", "successive-halving"):
        story, _ = carry_out(plan_of(search("quasi-random", pruner, objective=objective)))
        best = story.best("base")
        assert best
        assert best.values
        done = [t.values[0] for t in story.trials if t.state == "complete" and t.values]
        assert best.values[0] == max(done)


def test_a_range_is_searched_alike_for_all_variants() -> None:
    asked = question(
        variants={"a": {}, "b": {"model.norm": {"kind": "rmsnorm"}}},
        tune={"trials": 6, "space": {"train.optimizer.lr": LR}},
    )
    story, _ = carry_out(plan_of(asked))
    by = {v: [t.settings for t in story.trials if t.variant == v] for v in ("a", "b")}
    assert by["a"][:4] == by["b"][:4]


def test_a_run_that_two_trials_share_counts_once_and_is_not_lost_to_either() -> None:
    """Repeats of a tiny space, in brackets that begin at different rungs."""
    space = {"train.optimizer.lr": [1e-3, 1e-2, 1e-1]}
    kept = [{"train.optimizer.lr": rate} for rate in (1e-1, 1e-2, 1e-3, 1e-2, 1e-1, 1e-2)]
    asked = question(
        tune={
            "sampler": {"kind": "tpe", "width": 3},
            "trials": 6,
            "pruner": {"kind": "hyperband"},
            "space": space,
        }
    )
    story, results = carry_out(plan_of(asked, asked={"base": kept}))
    assert len(results) == 3
    complete = {name for t in story.trials if t.state == "complete" for name in t.runs}
    assert complete
    assert all(results[name]["status"] == "complete" for name in complete)
    last = {run.name: run for run in story.runs}
    assert not [name for name in complete if last[name].until is not None]


def test_tokens_are_those_of_this_plan_whatever_another_made_of_its_runs() -> None:
    halving = search("quasi-random", "successive-halving")
    story, _ = carry_out(plan_of(halving))
    _, whole = carry_out(plan_of(search("quasi-random")))
    taken_over = Story(plan_of(halving), {**whole})
    taken_over.advance()
    while not taken_over.is_over:  # refinement may differ: it was around another best
        for run in taken_over.rounds[-1]:
            if not run.is_done(taken_over.results):
                taken_over.results[run.name] = answer(run)  # type: ignore[index]
        taken_over.advance()
    assert told(taken_over) == told(story)
    contents = [
        trials_content(one, plan_hash="p", importance={})["tokens"] for one in (story, taken_over)
    ]
    assert contents[0] == contents[1]


def test_what_was_asked_is_kept_while_an_early_trial_is_trained_again() -> None:
    plan = plan_of(search("tpe"))
    story, results = carry_out(plan)
    asked = schedule_content(story, plan_hash="p")["asked"]
    del results[story.trials[0].runs[0]]  # it had failed
    again = Story(plan_of(search("tpe"), asked=asked), results)
    again.advance()
    assert len(again.trials) < len(story.trials)
    assert schedule_content(again, plan_hash="p")["asked"] == asked


def test_settings_to_try_are_not_in_the_list_again() -> None:
    space = {"train.optimizer.lr": [1e-3, 1e-2], "model.n_layers": [1, 2]}
    tune = {"trials": 4, "refine": 0, "space": space, "try": [{"train.optimizer.lr": 1e-2}]}
    story, _ = carry_out(plan_of(question(tune=tune)))
    assert len({tuple(sorted(t.settings.items())) for t in story.trials}) == 4
