"""Trials of several seeds, trials given up early, settings that are no numbers."""

import numpy as np
import pytest

from lab.report.collect import open_sweep
from lab.report.judging.tuned import settings_of, trials_of, tuning_of
from lab.report.records import frame

LR = "train.optimizer.lr"
RATES = (1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2)


def rows(question, outcomes):
    """`outcomes`: trial -> outcomes by seed, a loss or a status."""
    pairs = []
    for trial, by_seed in outcomes.items():
        for seed, outcome in enumerate(by_seed):
            labels = {"variant": "rope", "phase": "tune", "trial": str(trial)}
            order = {"run": f"rope-{seed}-{trial}", "labels": labels,
                     "settings": {LR: RATES[trial]}}  # fmt: skip
            result = {"status": outcome, "seed": seed}
            if not isinstance(outcome, str):
                result |= {"status": "complete", "metrics": {"val/loss": outcome},
                           "initial": {"val/loss": 4.5}}  # fmt: skip
            pairs.append((order, None if outcome == "planned" else result))
    return frame(question, pairs)


@pytest.fixture
def replicated(asking, question):
    tune = question.dump()["tune"] | {"seeds": 2}
    return asking(tune=tune)


def test_a_trial_is_the_mean_of_its_seeds(replicated):
    outcomes = {0: (2.5, 2.7), 1: (2.0, 2.2), 2: (2.1, "diverged"), 3: (2.4,), 4: (1.0, "planned")}
    runs = rows(replicated, outcomes)
    trials = trials_of(replicated, runs, "rope")
    assert list(trials["trial"]) == [0, 1, 2, 3]
    assert list(trials["state"]) == ["complete", "complete", "diverged", "pruned"]
    assert list(trials["loss"]) == pytest.approx([2.6, 2.1, np.inf, np.inf])
    tuned = tuning_of(replicated, runs, "rope")
    assert (tuned.trials, tuned.lost, tuned.pruned) == (4, 1, 1)
    assert tuned.chosen == {LR: 2e-3}
    assert tuned.sensitivity is None


def test_what_was_given_up_is_the_worst_and_in_no_fit(question):
    outcomes = {0: (2.6,), 1: (2.2,), 2: (2.0,), 3: (2.1,), 4: ("pruned",)}
    runs = rows(question, outcomes)
    tuned = tuning_of(question, runs, "rope")
    assert (tuned.trials, tuned.lost, tuned.pruned) == (5, 0, 1)
    assert list(tuned.surface.used) == [True] * 4 + [False]
    assert tuned.sensitivity is None
    whole = tuning_of(question, rows(question, outcomes | {4: (2.5,)}), "rope")
    assert whole.sensitivity > 0


def test_tau_is_for_numbers_only(searching, make_search):
    folder = make_search(searching(trials=10))
    sweep = open_sweep(folder)
    tuned = tuning_of(sweep.question, sweep.runs(), "base")
    assert tuned.tau is None
    assert tuned.surface is None
    assert tuned.sensitivity is None
    best = min((t for t in sweep.search().complete), key=lambda t: t.values[0])
    assert tuned.chosen == best.settings
    assert {type(value) for value in tuned.chosen.values()} <= {bool, int, float, str}


def test_more_can_be_better(searching, make_search):
    objective = [{"metric": "model.n_params", "direction": "maximize"}]
    sweep = open_sweep(make_search(searching(objective=objective)))
    tuned = tuning_of(sweep.question, sweep.runs(), "base")
    sizes = sweep.runs()["n_params"]
    assert tuned.chosen["model.n_layers"] == sweep.runs()["model.n_layers"][sizes.idxmax()]
    (verdict,) = sweep.verdicts()
    assert f"{sizes.max():,}" in verdict.sentence


def test_settings_are_all_there_or_none(searching):
    question = searching(trials=1)
    whole = {LR: 0.01, "model.n_layers": 2, "train.batch_size": 8, "position": "learned",
             "model.position.theta": float("nan"), "model.bias": True}  # fmt: skip
    found = settings_of(question, whole)
    assert found == {name: x for name, x in whole.items() if name != "model.position.theta"}
    assert settings_of(question, whole | {"position": "rope"}) == {}
    assert settings_of(question, {LR: 0.01}) == {}


def with_excess(question, outcomes, excess, se=None):
    """As `rows`; `excess` is of every trial, by seed."""
    runs = rows(question, outcomes)
    seeds = runs["seed"].astype(int)
    more = {"val/excess": [excess[seed] for seed in seeds], "val/excess_se": se}
    return runs.assign(**{name: x for name, x in more.items() if x is not None})


COARSE = {0: (2.6,), 1: (2.2,), 2: (2.4,), 3: (2.1,), 4: (2.5,)}  # tau is large


def test_tuning_leaves_no_more_than_lies_above_the_floor(question):
    free = tuning_of(question, rows(question, COARSE), "rope")
    assert free.tau > 0.02
    assert not free.by_floor
    for excess, se, expected in (
        (0.004, None, 0.004),
        (0.004, 0.001, 0.004 + 1.96 * 0.001),
        (-0.003, 0.001, 0),  # by chance below the floor, by more than its interval
        (1.0, 0.001, free.tau),
    ):
        tuned = tuning_of(question, with_excess(question, COARSE, [excess], se), "rope")
        assert tuned.tau == pytest.approx(expected, abs=1e-6)
        assert tuned.by_floor == (excess < 1)


def test_the_excess_is_that_of_the_chosen_trial_over_its_seeds(replicated):
    outcomes = {trial: (loss, loss + 0.1) for trial, (loss,) in COARSE.items()}
    runs = with_excess(replicated, outcomes, [0.004, 0.008])
    runs.loc[runs["trial"] != 3, "val/excess"] = 0.001  # of those that were not chosen
    tuned = tuning_of(replicated, runs, "rope")
    assert tuned.chosen == {LR: RATES[3]}
    assert tuned.tau == pytest.approx(0.006)


def test_where_nothing_can_be_estimated_the_floor_still_holds(question):
    two = {0: (2.6,), 1: (2.2,)}
    assert tuning_of(question, rows(question, two), "rope").tau is None
    tuned = tuning_of(question, with_excess(question, two, [0.01]), "rope")
    assert (tuned.tau, tuned.by_floor) == (0.01, True)
    assert tuning_of(question, with_excess(question, two, [np.nan]), "rope").tau is None


def test_the_floor_at_the_length_of_training_says_nothing_of_others(asking, question):
    base = {**question.dump()["base"], "evaluate": {"lengths": [256]}}
    confirm = {"min_seeds": 4, "max_seeds": 8, "metric": "loss@256"}
    asked = asking(base=base, baseline="rope", confirm=confirm)
    runs = with_excess(asked, COARSE, [0.004])
    assert (
        tuning_of(asked, runs, "rope").tau == tuning_of(question, rows(asked, COARSE), "rope").tau
    )
