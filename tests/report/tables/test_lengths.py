"""Losses at other lengths, against the result files; 'not defined' where there is no answer."""

import json
import statistics

import pytest

from lab.report.collect import open_sweep
from lab.report.tables.lengths import lengths
from tests.report.judged import with_lengths
from tests.report.tables.test_compared import results_of


@pytest.fixture
def asked(asking, question):
    base = {**question.dump()["base"], "evaluate": {"lengths": [64, 128, 512]}}
    return asking(base=base, baseline="rope", confirm={"max_seeds": 4, "metric": "loss@512"})


@pytest.fixture
def folder(make_sweep, asked):
    return with_lengths(make_sweep(asked=asked), asked, {"rope": 0.3, "sinusoidal": 1.2})


def row(table, variant):
    (found,) = [row for row in table.plain() if row["Variant"] == variant]
    return found


def test_mean_and_spread_at_every_length(folder):
    sweep = open_sweep(folder)
    table = lengths(sweep.question, sweep.runs())
    for name in ("rope", "sinusoidal"):
        metrics = [r["metrics"] for r in results_of(folder, name, "confirm")]
        for length in (64, 128, 512):
            values = [m[f"test/loss@{length}"] for m in metrics]
            cell = row(table, name)[f"{length} tokens"]
            assert cell["mean"] == pytest.approx(statistics.mean(values))
            assert cell["sd"] == pytest.approx(statistics.stdev(values))
            assert cell["n"] == 4
    assert "windows of 128 tokens" in table.note


def test_no_answer_is_never_a_number(folder):
    sweep = open_sweep(folder)
    table = lengths(sweep.question, sweep.runs())
    learned = row(table, "learned")
    assert learned["512 tokens"] == "not defined"
    assert isinstance(learned["128 tokens"], dict)
    (cells,) = [cells for cells in table.cells() if cells[0] == "learned"]
    assert cells[-1] == "not defined"
    assert " ± " in cells[1]
    assert "those of learned end at 128" in table.note


def test_nothing_is_said_where_nothing_was_judged(make_sweep, asked, plain_sweep):
    for folder in (make_sweep(asked=asked, name="older"), plain_sweep):
        sweep = open_sweep(folder)
        assert lengths(sweep.question, sweep.runs()) is None


def test_what_is_not_there_yet_is_not_called_undefined(folder):
    for path in folder.glob("runs/sinusoidal-*/result.json"):
        path.unlink()
    sweep = open_sweep(folder)
    assert row(lengths(sweep.question, sweep.runs()), "sinusoidal")["512 tokens"] is None


def test_the_verdict_says_who_has_no_answer(folder):
    by_name = {v.variant: v for v in open_sweep(folder).verdicts()}
    assert by_name["sinusoidal"].level == pytest.approx(0.95)  # one comparison can be made
    assert by_name["sinusoidal"].kind == "decided"
    assert "test loss at 512 tokens is higher by" in by_name["sinusoidal"].sentence
    learned = by_name["learned"]
    assert (learned.kind, learned.settled, learned.n) == ("undefined", True, 0)
    assert learned.sentence == (
        "learned has no answer at 512 tokens: its positions end at 128, so it is not compared with "
        "rope there."
    )
    shown = json.dumps([v.difference for v in by_name.values() if v.kind != "undefined"])
    assert "NaN" not in shown
