"""Trials of several seeds, trials given up early, settings that are no numbers."""

import numpy as np
import pytest

from lab.report.collect import open_sweep
from lab.report.records import frame
from lab.report.tuned import settings_of, trials_of, tuning_of

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
