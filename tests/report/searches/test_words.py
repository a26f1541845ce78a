"""The answer of a search, in words."""

import json
import re

import pytest

from lab.report.collect import open_sweep
from lab.report.searches import words as search_words
from tests.report.judged import with_floor

LR = "train.optimizer.lr"
ONE = {LR: {"low": 1e-3, "high": 3.2e-2, "log": True}}
SPACE = {**ONE, "model.n_layers": {"low": 1, "high": 4}, "model.bias": [True, False]}
POINTS = [{LR: rate} for rate in (1e-3, 2e-3, 6e-3, 6.1e-3, 2e-2, 3e-2)]


@pytest.fixture
def answers(searching, make_search):
    """`answers(fates=..., **tune)`: the sentences of a search for a rate, six trials."""

    def ask(*, confirm=None, folder=None, **tune):
        more = {name: tune.pop(name) for name in [*tune] if name in FOLDER}
        asked = searching(**{"trials": 6, "space": ONE, "confirm": confirm, **tune})
        if asked.tune.space.keys() == {LR}:
            more = {"settings": POINTS, **more}
        return open_sweep(make_search(asked, **more)).answers()

    return ask


FOLDER = ("fates", "importance", "confirmed", "skipped", "n_skipped", "warm", "warm_notes",
          "settings", "tokens", "kept")  # fmt: skip


def test_the_best_comes_first(answers):
    first, cost, doubt, *_ = answers()
    assert first == (
        "The best of 6 trials has train.optimizer.lr = 0.006: "
        "validation loss 2.0200 nats a token (trial 2)."
    )
    assert cost == "The search trained on 4.9 million tokens."
    assert doubt.startswith("Nothing was confirmed with fresh seeds")


def test_what_it_cost(answers):
    fates = {0: "pruned", 1: "pruned", 4: "diverged", 5: "failed"}
    said = answers(fates=fates, pruner={"kind": "median"})
    assert said[1] == (
        "2 trials were given up early, 1 diverged and 1 failed; the search trained on 53 % of "
        "the tokens that all trials to their end would have taken (2.6 of 4.9 million)."
    )
    assert "6 trials" in said[0]


def test_every_trial_lost(answers):
    said = answers(fates=dict.fromkeys(range(6), "diverged"), confirm={"max_seeds": 2})
    assert said[0] == "None of 6 trials was trained to its end: 6 trials diverged."
    assert len(said) == 2


def test_a_search_that_runs(answers):
    fates = dict.fromkeys(range(3, 6), "running")
    assert answers(fates=fates)[0].startswith("The best of 3 trials so far has")


def test_nothing_has_ended(answers):
    assert answers(fates=dict.fromkeys(range(6), "running"))[0] == "No trial has ended yet."


def test_seeds_have_a_spread_and_ties(answers):
    said = answers(seeds=3)
    assert re.search(r"validation loss 2\.\d+ ± 0\.\d+ nats a token \(mean and SD over 3 seeds",
                     said[0])  # fmt: skip
    assert any(re.match(r"Trial [23] lies within the seed noise of the best \(SD", s) for s in said)


def test_fresh_seeds_are_the_honest_number(answers):
    said = answers(confirm={"max_seeds": 4, "alpha": 0.1})
    assert re.search(
        r"Trained again with 4 fresh seeds, its settings reach a test loss of 2\.04\d+ ± 0\.00\d+ "
        r"nats a token \(90 % interval for the mean; SD over seeds, the seed noise, 0\.00\d+\)\.",
        said[2],
    )
    assert "its validation loss was 2.0200 in the search and is 2.029" in said[3]
    assert any("within the seed noise of the best" in sentence for sentence in said)
    assert not any("Nothing was confirmed" in sentence for sentence in said)


def test_what_confirms_it_may_be_another_number(answers):
    told = "a confirmation goes by the test loss, of which less is better."
    objective = {"metric": "time/tokens_per_second", "direction": "maximize"}
    said = answers(objective=objective, confirm={"max_seeds": 4})
    assert any(f"The search chose by the speed; {told}" in sentence for sentence in said)


def test_confirmation_that_has_not_begun_or_only_begun(answers, searching, make_search):
    said = answers(confirm={"max_seeds": 4}, confirmed=0)
    assert "Its settings have not been trained with fresh seeds yet." in said
    asked = searching(trials=6, space=ONE, confirm={"max_seeds": 4})
    folder = make_search(asked, settings=POINTS, confirmed=1, name="one")
    assert any("(no interval from one seed)" in s for s in open_sweep(folder).answers())


def test_a_fresh_run_that_diverged_is_told(searching, make_search):
    asked = searching(trials=6, space=ONE, confirm={"max_seeds": 2})
    folder = make_search(asked, settings=POINTS)
    path = sorted(folder.glob("runs/base-1-*/result.json"))[0]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"status": "diverged"}))
    said = open_sweep(folder).answers()
    assert "With fresh seeds, base is unstable: 1 of base's 2 runs diverged (seed 1)." in said


def test_what_better_settings_gain(searching, make_search):
    """By the curve; where the best possible loss is known, no more than lies above it."""
    coarse = [{LR: rate} for rate in (1e-3, 2e-3, 1.2e-2, 2e-2, 3e-2)]
    folder = make_search(searching(trials=5, space=ONE), settings=coarse)
    best = min(trial.values[0] for trial in open_sweep(folder).search().complete)
    assert any("By the curve through the trials" in said for said in open_sweep(folder).answers())
    said = open_sweep(with_floor(folder, floor=best - 0.0005)).answers()
    assert not any("By the curve" in sentence for sentence in said)
    assert (
        "Better settings can gain 0.0027 nats a token at most: the best trial's excess over the "
        "floor, at the upper end of its interval."
    ) in said  # 0.0005 and 1.96 of its standard errors


def test_an_edge_is_told(answers):
    said = answers(settings=[{LR: 0.03}, {LR: 0.031}], trials=2)
    assert (
        "train.optimizer.lr = 0.03 lies at an edge of its range, 0.001 to 0.032 on a logarithmic "
        "scale: what lies beyond may be better."
    ) in said


def test_what_was_ruled_out_and_what_was_known_before(answers):
    skipped = [{"variant": "base", "settings": {LR: 0.01}, "reason": "model.n_params = 9 breaks x"}]
    said = answers(
        skipped=skipped, n_skipped=3, warm=[{"settings": {LR: 0.01}, "values": [2.0]}] * 4,
        warm_notes=["2 trials are of other data"],
    )  # fmt: skip
    assert said[-3:] == [
        "3 suggestions were ruled out before training (for the first, model.n_params = 9 breaks "
        "x).",
        "The sampler was told 4 trials of an earlier sweep.",
        "2 trials are of other data.",
    ]


def test_importance_in_a_sentence(answers):
    importance = {LR: 0.7, "model.n_layers": 0.26, "position": 0.04}
    said = answers(space=SPACE, importance=importance)
    assert "What moved the validation loss most: train.optimizer.lr (70 %) and model.n_layers " \
        "(26 %)." in said  # fmt: skip
    assert not any("What moved" in s for s in answers(importance={LR: 1.0}))


def test_more_may_be_better(answers):
    objective = {"metric": "time/tokens_per_second", "direction": "maximize"}
    assert "speed 300,000 tokens a second (trial 2)" in answers(objective=objective)[0]


def test_a_front(searching, make_search):
    objective = ["val/loss", "model.n_params"]
    settings = [{LR: rate, "model.n_layers": n, "train.batch_size": 16, "position": "learned",
                 "model.bias": True} for rate, n in ((6e-3, 4), (6e-3, 1), (2e-2, 4))]  # fmt: skip
    asked = searching(objective=objective, trials=3)
    said = open_sweep(make_search(asked, settings=settings)).answers()
    assert said[0].startswith("2 of 3 trials lie on the Pareto front of validation loss and number")
    assert re.search(
        r"the lowest validation loss in trial 0 \(1\.9200 nats a token, [\d,]+ parameters\) and "
        r"the lowest number of parameters in trial 1 \(2\.0700 nats a token, [\d,]+ parameters\)",
        said[1],
    )
    both = [settings[1], settings[1] | {LR: 2e-2}]
    alone = open_sweep(make_search(asked, settings=both, name="alone")).answers()
    assert "Trial 0 is the best of 2 trials in validation loss and number of" in alone[0]


def test_an_older_folder_has_an_answer_too(answers, searching, make_search):
    asked = searching(trials=6, space=ONE)
    kept = open_sweep(make_search(asked, settings=POINTS, name="a")).answers()
    rebuilt = open_sweep(make_search(asked, settings=POINTS, name="b", kept=False)).answers()
    assert kept == rebuilt


def test_a_comparison_answers_with_its_verdicts(plain_sweep):
    sweep = open_sweep(plain_sweep)
    assert sweep.answers() == [verdict.sentence for verdict in sweep.verdicts()]


def test_sentences_are_sentences(answers):
    fates = {0: "pruned", 4: "failed"}
    skipped = [{"variant": "base", "settings": {LR: 0.01}, "reason": "x."}]
    for said in (
        answers(seeds=2, fates=fates, confirm={"max_seeds": 3}, skipped=skipped, n_skipped=1),
    ):
        for sentence in said:
            assert sentence.endswith(".")
            assert not sentence.endswith("..")
            assert "  " not in sentence
            assert "None" not in sentence
            assert "nan" not in sentence


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ((7_211_000, 18_900_000), "7.2 of 18.9 million"),
        ((72_960, 122_880), "73.0 of 122.9 thousand"),
        ((8_192,), "8,192"),
        ((3_000_000_000,), "3.0 billion"),
    ],
)
def test_tokens_are_counted_in_words(counts, text):
    assert search_words._millions(*counts) == text
