"""Fairness against counts taken from configs and result files by hand."""

import json
import statistics

import pytest

from lab.report.collect import open_sweep
from lab.report.tables.fairness import fairness, in_what_alike, sizes_of
from tests.report.tables.test_compared import results_of, row

WEIGHTS = {
    "learned": {"embedding": [10, 6], "position.table": [10, 2]},
    "rope": {"embedding": [10, 6], "blocks.0.up_proj": [10, 2]},
}
SCALES = {"small": {"model.d_model": 32}, "large": {"model.d_model": 64}}
ROPE = {"learned": {}, "rope": {"model.position": {"kind": "rope"}}}


def told(sweep, weights=WEIGHTS):
    return fairness(sweep.question, sweep.runs(), sweep.timing(), weights=weights)


def test_sizes_are_told_against_the_reference(make_sweep):
    lost = {("tune", "rope", 0): "diverged", ("confirm", "rope", 1): "failed"}
    sweep = open_sweep(make_sweep(lost=lost))
    table = told(sweep)
    learned, rope = row(table, "learned"), row(table, "rope")
    model = sweep.question.variant("rope").model
    assert rope["Parameters"] == model.n_params(97)
    table_of_positions = model.max_seq_len * model.d_model
    assert learned["Parameters"] - rope["Parameters"] == table_of_positions
    share = -table_of_positions / learned["Parameters"]
    assert rope["Parameters, against learned"] == pytest.approx(share)
    assert rope["Without embeddings, against learned"] == 0
    assert rope["FLOPs a token"] == model.flops_per_token(97)
    config = sweep.question.base
    tokens = config.train.steps * config.tokens_per_step
    assert rope["Training tokens a run"] == tokens
    assert rope["Training FLOPs a run"] == tokens * model.flops_per_token(97)
    assert rope["Initial weights shared, against learned"] == 0.75
    assert learned["Initial weights shared, against learned"] == 1
    assert (rope["Tuning trials"], rope["Diverged"], rope["Failed"]) == (6, 1, 1)
    printed = table.cells()
    assert printed[0] == ["Variant", "learned", "sinusoidal", "rope"]
    change = f"−{-100 * share:.1f} %"
    assert ["Parameters, against learned", "the same", change, change] in printed


def test_seconds_are_the_median_of_training_in_judged_runs(plain_sweep):
    results = results_of(plain_sweep, "rope", "confirm")
    median = statistics.median(r["timing"]["train"] for r in results)
    assert row(told(open_sweep(plain_sweep)), "rope")["Training seconds a run"] == median


def test_the_best_trial_is_told_with_what_it_chose(plain_sweep):
    best = min(r["metrics"]["val/loss"] for r in results_of(plain_sweep, "rope", "tune"))
    shown = row(told(open_sweep(plain_sweep)), "rope")
    assert shown["Best validation loss, nats a token"] == best
    assert shown["Chosen settings"].startswith("lr 0.00")
    assert shown["At an edge of its range"] == "no"


def test_scales_are_told_against_their_own_reference(make_sweep, asking):
    asked = asking(scales=SCALES, variants=ROPE)
    sweep = open_sweep(make_sweep(asked=asked, loss=dict.fromkeys(asked.arms, 2.0)))
    table = told(sweep, weights={})
    order = ["learned@small", "rope@small", "learned@large", "rope@large"]
    assert table.cells()[0] == ["Variant", *order]
    for scale in SCALES:
        learned, rope = row(table, f"learned@{scale}"), row(table, f"rope@{scale}")
        assert learned["Parameters, against its reference"] == 0
        share = rope["Parameters"] / learned["Parameters"] - 1
        assert rope["Parameters, against its reference"] == pytest.approx(share)


def test_twins_and_searches_are_left_to_others(plain_sweep, plain_search):
    assert "learned-twin" not in set(told(open_sweep(plain_sweep)).frame["Variant"])
    columns = told(open_sweep(plain_search), weights={}).frame.columns
    assert not {"Tuning trials", "Diverged", "Initial weights shared"} & set(columns)
    assert not [name for name in columns if "against" in name]


def test_before_a_run_has_ended_there_is_nothing_to_tell(make_sweep, asking):
    asked = asking(tune=None)
    sweep = open_sweep(make_sweep(asked=asked, seeds=dict.fromkeys(asked.variants, 0)))
    assert told(sweep) is None


def test_all_that_differs_is_named_with_its_number(plain_sweep):
    sweep = open_sweep(plain_sweep)
    runs, timing = sweep.runs(), sweep.timing()
    (sentence,) = in_what_alike(sweep.question, runs, timing)
    learned, rope = (sweep.question.variant(a).model.n_params(97) for a in ("learned", "rope"))
    share = 100 * (1 - rope / learned)
    assert sentence.startswith("Matched in tokens. Not matched in: parameters (")
    assert f"parameters (sinusoidal −{share:.1f} %, rope −{share:.1f} %)" in sentence
    assert "FLOPs" not in sentence
    assert sentence.endswith("each against learned.")
    assert "seconds" not in sentence  # they vary by chance alone
    slow = timing.assign(train=timing["train"].where(timing["variant"] != "rope", 60.0))
    (sentence,) = in_what_alike(sweep.question, runs, slow)
    assert "seconds (rope +" in sentence


def test_the_spread_of_seconds_is_that_of_judged_runs(plain_sweep):
    sweep = open_sweep(plain_sweep)
    sizes = sizes_of(sweep.question, sweep.runs(), sweep.timing())
    seconds = [r["timing"]["train"] for r in results_of(plain_sweep, "learned", "confirm")]
    assert sizes["learned"]["SD of seconds"] == pytest.approx(statistics.stdev(seconds))


def test_what_was_set_to_match_is_told(make_sweep, asking):
    matched = {"rope": {"model.mlp.d_ff": 288}}  # 32 rows more are a table of 128 positions
    asked = asking(match="parameters", variants=ROPE, matched=matched)
    sweep = open_sweep(make_sweep(asked=asked))
    sentences = in_what_alike(asked, sweep.runs(), sweep.timing())
    assert sentences[0].startswith("Matched in parameters. Not matched in: training FLOPs (rope +")
    made = "To match them, the lab set model.mlp.d_ff of rope to 288 instead of 256."
    assert sentences[1] == made


def test_runs_that_are_not_judged_yet_are_told_of_by_their_trials(make_sweep):
    folder = make_sweep(seeds={"learned": 0, "sinusoidal": 0, "rope": 0})
    sweep = open_sweep(folder)
    trial = json.loads(next(folder.glob("runs/rope-*/result.json")).read_text())
    assert row(told(sweep), "rope")["Training tokens a run"] == trial["tokens"]
