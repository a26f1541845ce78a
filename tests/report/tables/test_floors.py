"""The excess over the floor and accuracy by slice, against the result files."""

import json
import statistics

import pytest

from lab.report.collect import open_sweep
from lab.report.tables.compared import results
from lab.report.tables.floors import best_possible, by_slice, floor
from tests.report.judged import FLOOR, SE, with_floor
from tests.report.tables.test_compared import results_of

SLICES = ("pairs=4", "pairs=2", "gap=16-31", "gap=1-1", "gap=2-3")


@pytest.fixture
def folder(make_sweep, asking, question):
    base = {**question.dump()["base"], "data": {"corpus": {"kind": "mqar"}}}
    asked = asking(base=base, confirm={"max_seeds": 4, "metric": "excess"})
    return with_floor(make_sweep(asked=asked), slices=SLICES)


def row(table, variant):
    (found,) = [row for row in table.plain() if row["Variant"] == variant]
    return found


def test_excess_with_the_interval_over_windows(folder):
    sweep = open_sweep(folder)
    table = floor(sweep.question, sweep.runs())
    for name in sweep.question.variants:
        metrics = [r["metrics"] for r in results_of(folder, name, "confirm")]
        excess = [m["test/excess"] for m in metrics]
        shown = row(table, name)
        assert shown["Floor"] == FLOOR
        assert shown["Excess"] == pytest.approx(statistics.mean(excess))
        assert shown["Interval from"] == pytest.approx(shown["Excess"] - 1.96 * SE, abs=1e-6)
        assert shown["Interval to"] == pytest.approx(shown["Excess"] + 1.96 * SE, abs=1e-6)
        assert shown["SD over seeds"] == pytest.approx(statistics.stdev(excess))
        accuracy = statistics.mean(m["test/accuracy"] for m in metrics)
        assert shown["Accuracy"] == pytest.approx(accuracy)


def test_slices_in_order_of_their_numbers(folder):
    sweep = open_sweep(folder)
    table = by_slice(sweep.question, sweep.runs())
    assert [row["Slice"] for row in table.plain()] == [
        "gap 1", "gap 2–3", "gap 16–31", "pairs 2", "pairs 4"
    ]  # fmt: skip
    metrics = [r["metrics"] for r in results_of(folder, "rope", "confirm")]
    mean = statistics.mean(m["test/accuracy/gap=16-31"] for m in metrics)
    assert table.plain()[2]["rope"] == pytest.approx(mean)
    assert table.cells()[1][1].endswith(" %")


def test_the_results_have_what_a_task_has(folder):
    sweep = open_sweep(folder)
    table = results(sweep.question, sweep.runs())
    assert list(table.frame.columns) == [
        "Variant",
        "Test excess over the floor, nats a token",
        "SD over seeds",
        "Test loss, nats a token",
        "Validation loss, nats a token",
        "Test accuracy",
        "Seeds",
    ]


def test_the_verdict_is_about_the_excess(folder):
    _, rope = open_sweep(folder).verdicts()
    assert rope.metric == "test/excess"
    assert "rope beats learned: its test excess over the floor is lower by" in rope.sentence


def test_text_has_no_floor(plain_sweep):
    sweep = open_sweep(plain_sweep)
    assert floor(sweep.question, sweep.runs()) is None
    assert by_slice(sweep.question, sweep.runs()) is None
    assert best_possible(sweep.question, sweep.runs(), "val/loss") is None


def test_floors_that_differ_are_no_line(folder):
    path = next(folder.glob("runs/rope-1-*/result.json"))
    result = json.loads(path.read_text())
    result["metrics"]["val/floor"] += 0.01
    path.write_text(json.dumps(result))
    sweep = open_sweep(folder)
    assert best_possible(sweep.question, sweep.runs(), "val/loss") is None
    assert best_possible(sweep.question, sweep.runs(), "test/loss") == pytest.approx(FLOOR)


def test_the_floor_is_one_of_losses_alone(folder):
    sweep = open_sweep(folder)
    assert best_possible(sweep.question, sweep.runs(), "val/loss") == pytest.approx(FLOOR)
    assert best_possible(sweep.question, sweep.runs(), "val/bpb") is None
