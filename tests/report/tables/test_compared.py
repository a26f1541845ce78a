"""Tables against numbers taken from the result files by hand."""

import json
import math
import statistics

import pytest
from scipy import stats

from lab.report.collect import open_sweep
from lab.report.tables import compared as tables


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


def compared(sweep):
    return tables.comparisons(sweep.question, sweep.verdicts(), sweep.runs(), sweep.timing())


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
    table = compared(sweep)
    for verdict in verdicts:
        shown = row(table, verdict.variant)
        assert shown["Difference"] == verdict.difference
        assert (shown["Interval from"], shown["Interval to"]) == (verdict.low, verdict.high)
        assert shown["E-value"] == verdict.e_value
        assert shown["P(A > B)"] == sum(d < 0 for d in verdict.differences) / verdict.n
        assert shown["Runs spent"] == 8
    of_reference = [
        r["metrics"]["test/loss"] for r in results_of(plain_sweep, "learned", "confirm")
    ]
    assert shown["Noise floor"] == pytest.approx(statistics.stdev(of_reference))
    assert "97.5 %" in table.note
    assert "E-value of 40" in table.note


def test_what_more_certainty_costs_is_told_in_seeds_and_minutes(make_sweep, asking):
    losses = {"learned": 2.130, "sinusoidal": 2.125, "rope": 1.896}
    folder = make_sweep(asked=asking(tune=None), name="untuned", loss=losses)
    shown = row(compared(open_sweep(folder)), "sinusoidal")
    seconds = [
        statistics.median(r["timing"]["total"] for r in results_of(folder, name, "confirm"))
        for name in ("sinusoidal", "learned")
    ]
    assert shown["More seeds"] > 0
    assert shown["Worker minutes for them"] == pytest.approx(
        shown["More seeds"] * sum(seconds) / 60
    )


def test_a_fixed_test_shows_p_values(make_sweep, asking):
    asked = asking(tune=None, confirm={"test": "fixed", "max_seeds": 6})
    sweep = open_sweep(make_sweep(asked=asked))
    table = compared(sweep)
    assert row(table, "rope")["Sign-flip p"] == 2 / 2**6
    assert row(table, "rope")["p after Holm"] == 4 / 2**6
    assert "E-value" not in table.frame
    assert "never below 0.031" in table.note


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
    assert tables.comparisons(asked, sweep.verdicts(), runs, timing) is None
    assert tables.tuning(asked, runs) is None


def test_single_runs_have_results(make_sweep, asking):
    asked = asking(tune=None, confirm=None)
    sweep = open_sweep(make_sweep(asked=asked))
    table = tables.results(asked, sweep.runs())
    assert row(table, "rope")["Validation loss, nats a token"] == 1.896
    assert row(table, "rope")["SD over seeds"] is None
    assert table.note == ""


def test_all_pairs_say_whom_they_are_against(make_sweep, asking):
    sweep = open_sweep(make_sweep(asked=asking(compare="all")))
    table = compared(sweep)
    pairs = [("sinusoidal", "learned"), ("rope", "learned"), ("rope", "sinusoidal")]
    assert list(zip(table.frame["Variant"], table.frame["Against"], strict=True)) == pairs
    for verdict, difference in zip(sweep.verdicts(), table.frame["Difference"], strict=True):
        assert difference == verdict.difference
    assert "3 comparisons" in table.note


def test_each_scale_has_a_noise_floor_of_its_own(make_sweep, asking):
    scales = {"small": {"model.d_model": 32}, "large": {"model.d_model": 64}}
    variants = {"learned": {}, "rope": {"model.position": {"kind": "rope"}}}
    asked = asking(scales=scales, variants=variants)
    folder = make_sweep(asked=asked, loss=dict.fromkeys(asked.arms, 2.0))
    sweep = open_sweep(folder)
    table = compared(sweep)
    for scale in scales:
        losses = [
            r["metrics"]["test/loss"] for r in results_of(folder, f"learned@{scale}", "confirm")
        ]
        floor = statistics.stdev(losses)
        assert row(table, f"rope@{scale}")["Noise floor"] == pytest.approx(floor)
        note = tables.results(sweep.question, sweep.runs()).note
        assert f"{floor:.2g} nats a token for learned@{scale}" in note


def test_the_noise_floor_is_printed_alike_everywhere(plain_sweep):
    sweep = open_sweep(plain_sweep)
    table = tables.results(sweep.question, sweep.runs())
    names, *rows = table.cells()
    (shown,) = [row[names.index("SD over seeds")] for row in rows if row[0] == "learned"]
    assert f" is {shown} nats a token for learned." in table.note
    (floors,) = [row[1:] for row in compared(sweep).cells() if row[0] == "Noise floor"]
    assert set(floors) == {shown}


def test_twins_are_in_no_table_of_variants(plain_sweep):
    sweep = open_sweep(plain_sweep)
    assert "learned-twin" in set(sweep.runs()["variant"])
    for table in (tables.results(sweep.question, sweep.runs()), compared(sweep)):
        assert set(table.frame["Variant"]) <= set(sweep.question.variants)


def test_an_unstable_comparison_has_a_row_without_a_mean(make_sweep):
    sweep = open_sweep(make_sweep(lost={("confirm", "rope", 2): "diverged"}))
    table = compared(sweep)
    shown = row(table, "rope")
    assert (shown["Verdict"], shown["Seeds"]) == ("unstable", 4)
    assert shown["Sign-test p"] == stats.binomtest(3, 4).pvalue
    assert [shown[name] for name in ("Difference", "Interval from", "Interval to", "E-value")] == (
        [None] * 4
    )
    assert row(table, "sinusoidal")["Sign-test p"] is None
    assert "An unstable one has lost runs" in table.note
