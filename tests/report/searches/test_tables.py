"""The tables of a search against its trials."""

import json

import pytest

from lab.report.collect import open_sweep
from lab.report.searches import tables as search_tables
from lab.report.tables import history

LR = "train.optimizer.lr"
LOSS = "Validation loss, nats a token"


def told(folder):
    return json.loads((folder / "trials.json").read_text())


def test_the_ten_best(searching, make_search):
    folder = make_search(searching(trials=14, seeds=2), fates={3: "pruned", 4: "diverged"})
    sweep = open_sweep(folder)
    table = search_tables.best(sweep.question, sweep.search())
    done = [t for t in told(folder)["trials"] if t["state"] == "complete"]
    done.sort(key=lambda t: t["values"][0])
    rows = table.plain()
    assert [row["Rank"] for row in rows] == list(range(1, 11))
    assert [row["Trial"] for row in rows] == [t["number"] for t in done[:10]]
    for row, trial in zip(rows, done, strict=False):
        assert row[LOSS] == trial["values"][0]
        assert row["lr"] == trial["settings"][LR]
        assert row["n_layers"] == trial["settings"]["model.n_layers"]
        assert row["theta"] == trial["settings"].get("model.position.theta")
        assert row["bias"] == str(trial["settings"]["model.bias"]).lower()
        assert row["Tokens"] == trial["tokens"]
        assert row["Parameters"] == trial["counts"]["n_params"]
        assert row["SD over seeds"] > 0
    assert table.note == "12 trials were trained to their end."
    shown = table.cells()
    place = shown[0].index("theta")
    assert {row[place] for row in shown[1:]} >= {"–"}
    assert not any(cell.endswith(".0") for row in shown[1:] for cell in row)


def test_headers_do_not_clash(searching, make_search):
    space = {
        "train.optimizer.lr": {"low": 1e-3, "high": 1e-2, "log": True},
        "train.schedule.final_ratio": {"low": 0.0, "high": 0.5},
        "Tokens": {"few": {"train.batch_size": 8}, "many": {"train.batch_size": 16}},
    }
    sweep = open_sweep(make_search(searching(space=space)))
    header = search_tables.best(sweep.question, sweep.search()).cells()[0]
    assert {"lr", "final_ratio", "Tokens (setting)", "Tokens"} <= {*header}
    assert len(header) == len({*header})


def test_the_front(searching, make_search):
    asked = searching(objective=["val/loss", "model.n_params"], trials=12)
    sweep = open_sweep(make_search(asked))
    table = search_tables.pareto(sweep.question, sweep.search())
    rows = table.plain()
    assert [row[LOSS] for row in rows] == sorted(row[LOSS] for row in rows)
    sizes = [row["Number of parameters"] for row in rows]
    assert sizes == sorted(sizes, reverse=True)
    assert "Parameters" not in rows[0]
    assert search_tables.best(sweep.question, sweep.search()) is None


def test_tokens_by_outcome(searching, make_search):
    fates = {0: "pruned", 1: "pruned", 2: "diverged", 3: "running"}
    folder = make_search(searching(), fates=fates)
    sweep = open_sweep(folder)
    rows = {row.pop("Trials that"): row for row in search_tables.tokens(sweep.search()).plain()}
    assert list(rows) == ["Complete", "Given up early", "Diverged", "Running", "All"]
    for name, numbers in (("Given up early", (0, 1)), ("Diverged", (2,))):
        side = [t for t in told(folder)["trials"] if t["number"] in numbers]
        assert rows[name]["Trials"] == len(side)
        assert rows[name]["Tokens trained on"] == sum(t["tokens"] for t in side)
        assert rows[name]["To the end"] == sum(t["full_tokens"] for t in side)
    assert rows["All"]["Tokens trained on"] == told(folder)["tokens"]["spent"]
    assert rows["All"]["Share"] == pytest.approx(
        told(folder)["tokens"]["spent"] / told(folder)["tokens"]["full"]
    )
    assert rows["Complete"]["Share"] == 1


def test_a_shared_run_is_counted_once(searching, make_search):
    sweep = open_sweep(make_search(searching(), tokens={"spent": 5, "full": 10}))
    table = search_tables.tokens(sweep.search())
    assert table.plain()[-1]["Tokens trained on"] == 5
    assert "counted once" in table.note


def test_what_was_skipped(searching, make_search):
    skipped = [{"variant": "base", "settings": {LR: 0.01, "position": "rope"}, "reason": "too big"}]
    sweep = open_sweep(make_search(searching(), skipped=skipped, n_skipped=21))
    table = search_tables.skipped(sweep.question, sweep.search())
    assert table.plain() == [
        {"Settings": "lr = 0.01, position = rope", "Ruled out because": "too big"}
    ]
    assert table.note == "And 20 more."


def test_nothing_to_say_is_none(searching, make_search):
    fates = dict.fromkeys(range(8), "running")
    sweep = open_sweep(make_search(searching(), fates=fates, tokens={"spent": 0, "full": 0}))
    question, search = sweep.question, sweep.search()
    assert search_tables.best(question, search) is None
    assert search_tables.pareto(question, search) is None
    assert search_tables.skipped(question, search) is None
    assert search_tables.tokens(search) is None


def test_runs_asked_for(searching, make_search):
    asked = searching(seeds=3, confirm={"max_seeds": 4})
    sweep = open_sweep(make_search(asked, fates={0: "pruned"}))
    tuning, confirmation = history.counts(sweep.question, sweep.runs()).plain()
    assert tuning["Asked for by the plan"] == "8 to 24"
    assert (tuning["Complete"], tuning["Pruned"]) == (21, 1)
    assert confirmation["Asked for by the plan"] == "4"
