"""Tables against numbers taken from the result files by hand."""

import json
import math
import statistics

import pytest

from lab.report import tables
from lab.report.collect import open_sweep

WEIGHTS = {
    "learned": {"embedding": [10, 6], "position.table": [10, 2]},
    "rope": {"embedding": [10, 6], "blocks.0.up_proj": [10, 2]},
}


def results_of(folder, variant, phase):
    found = []
    for path in sorted(folder.glob("runs/*/result.json")):
        labels = json.loads((path.parent / "order.json").read_text())["labels"]
        if (labels["variant"], labels["phase"]) == (variant, phase):
            found.append(json.loads(path.read_text()))
    return found


def row(table, variant):
    (found,) = [row for row in table.plain() if row["Variant"] == variant]
    return found


def test_results_are_means_over_seeds(plain_sweep):
    folder = plain_sweep
    sweep = open_sweep(folder)
    table = tables.results(sweep.question, sweep.runs())
    for name in sweep.question.variants:
        metrics = [r["metrics"] for r in results_of(folder, name, "confirm")]
        shown = row(table, name)
        losses = [m["test/loss"] for m in metrics]
        assert shown["Test loss, nats a token"] == pytest.approx(statistics.mean(losses))
        assert shown["SD over seeds"] == pytest.approx(statistics.stdev(losses))
        bits = [m["test/bpb"] for m in metrics]
        assert shown["Test loss, bits a byte"] == pytest.approx(statistics.mean(bits))
        assert shown["Seeds"] == 4
    floor = statistics.stdev(
        r["metrics"]["test/loss"] for r in results_of(folder, "learned", "confirm")
    )
    assert f"{floor:.4f}" in table.note


def test_lost_runs_are_in_no_mean(make_sweep):
    folder = make_sweep(lost={("confirm", "rope", 2): "diverged"})
    sweep = open_sweep(folder)
    shown = row(tables.results(sweep.question, sweep.runs()), "rope")
    assert shown["Seeds"] == 3
    assert math.isfinite(shown["Test loss, nats a token"])


def test_comparisons_say_what_the_verdicts_say(plain_sweep):
    sweep = open_sweep(plain_sweep)
    verdicts = sweep.verdicts()
    table = tables.comparisons(sweep.question, verdicts, sweep.timing())
    for verdict in verdicts:
        shown = row(table, verdict.variant)
        assert shown["Difference"] == verdict.difference
        assert (shown["Interval from"], shown["Interval to"]) == (verdict.low, verdict.high)
        assert shown["E-value"] == verdict.e_value
    seconds = [
        statistics.median(r["timing"]["total"] for r in results_of(sweep.folder, name, "confirm"))
        for name in ("sinusoidal", "learned")
    ]
    shown = row(table, "sinusoidal")
    assert shown["Worker minutes for them"] == pytest.approx(
        shown["More seeds"] * sum(seconds) / 60
    )
    assert "97.5 %" in table.note
    assert "E-value of 40" in table.note


def test_a_fixed_test_shows_p_values(make_sweep, asking):
    asked = asking(tune=None, confirm={"test": "fixed", "max_seeds": 6})
    sweep = open_sweep(make_sweep(asked=asked))
    table = tables.comparisons(sweep.question, sweep.verdicts(), sweep.timing())
    assert row(table, "rope")["Sign-flip p"] == 2 / 2**6
    assert row(table, "rope")["p after Holm"] == 4 / 2**6
    assert "E-value" not in table.frame
    assert "never below 0.031" in table.note


def test_fairness_is_told_against_the_reference(make_sweep):
    lost = {("tune", "rope", 0): "diverged", ("confirm", "rope", 1): "failed"}
    sweep = open_sweep(make_sweep(lost=lost))
    table = tables.fairness(sweep.question, sweep.runs(), sweep.timing(), weights=WEIGHTS)
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
    assert rope["Training tokens a run"] == config.train.steps * config.tokens_per_step
    assert rope["Initial weights shared, against learned"] == 0.75
    assert learned["Initial weights shared, against learned"] == 1
    assert (rope["Tuning trials"], rope["Diverged"], rope["Failed"]) == (6, 1, 1)
    printed = table.cells()
    assert printed[0] == ["Variant", "learned", "sinusoidal", "rope"]
    change = f"−{-100 * share:.1f} %"
    assert ["Parameters, against learned", "the same", change, change] in printed


def test_tuning_names_what_was_chosen(make_sweep):
    folder = make_sweep(lost={("tune", "learned", 3): "diverged"})
    sweep = open_sweep(folder)
    shown = row(tables.tuning(sweep.question, sweep.runs()), "learned")
    trials = results_of(folder, "learned", "tune")
    best = min(
        (r for r in trials if r["status"] == "complete"), key=lambda r: r["metrics"]["val/loss"]
    )
    order = json.loads((folder / "runs" / best["run"] / "order.json").read_text())
    assert shown["train.optimizer.lr"] == order["settings"]["train.optimizer.lr"]
    assert shown["Best validation loss, nats a token"] == best["metrics"]["val/loss"]
    assert (shown["Trials"], shown["Lost"]) == (6, 1)


def test_a_best_rate_at_the_edge_is_marked(make_sweep):
    sweep = open_sweep(make_sweep(best_lr={"learned": 4e-3, "sinusoidal": 4e-3, "rope": 2e-4}))
    shown = tables.tuning(sweep.question, sweep.runs())
    assert row(shown, "rope")["At an edge of its range"] == "train.optimizer.lr"
    assert row(shown, "learned")["At an edge of its range"] == "no"


def test_nothing_to_say_is_none(make_sweep, asking):
    asked = asking(tune=None)
    none = dict.fromkeys(asked.variants, 0)
    sweep = open_sweep(make_sweep(asked=asked, seeds=none))
    runs, timing = sweep.runs(), sweep.timing()
    assert tables.results(asked, runs) is None
    assert tables.comparisons(asked, sweep.verdicts(), timing) is None
    assert tables.tuning(asked, runs) is None
    assert tables.fairness(asked, runs, timing, weights={}) is None


def test_single_runs_have_results(make_sweep, asking):
    asked = asking(tune=None, confirm=None)
    sweep = open_sweep(make_sweep(asked=asked))
    table = tables.results(asked, sweep.runs())
    assert row(table, "rope")["Validation loss, nats a token"] == 1.896
    assert row(table, "rope")["SD over seeds"] is None
    assert table.note == ""
