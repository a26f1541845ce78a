"""Settings of every kind, in the table of runs and in results.csv."""

import csv
import math

import pandas as pd
import pytest

from lab.report.collect import open_sweep, write_results
from lab.report.records import column, frame

LR = "train.optimizer.lr"
KINDS = {
    LR: {"low": 1e-3, "high": 3e-2, "log": True},
    "model.n_layers": {"low": 1, "high": 4},
    "train.batch_size": [8, 16],
    "train.clip_norm": [None, 1.0],
    "model.bias": [True, False],
    "train.optimizer.weight_decay": [0, 0.1],
    "step": {"rope": {"model.position": {"kind": "rope"}}, "none": {}},
    "model.position.theta": {"low": 100, "high": 1000, "when": {"step": "rope"}},
}
FIRST = {
    LR: 0.01, "model.n_layers": 2, "train.batch_size": 8, "train.clip_norm": None,
    "model.bias": False, "train.optimizer.weight_decay": 0, "step": "rope",
    "model.position.theta": 500.0,
}  # fmt: skip
SECOND = {**FIRST, "train.clip_norm": 1.0, "step": "none"}
del SECOND["model.position.theta"]


@pytest.fixture
def kinds(searching):
    return searching(space=KINDS, trials=2)


def test_each_column_has_the_kind_of_its_setting(kinds, make_search):
    folder = make_search(kinds, settings=[FIRST, SECOND])
    runs = open_sweep(folder).runs()
    trials = open_sweep(folder).trials()
    for table in (runs, trials):
        assert table[LR].dtype == "float64"
        assert table["train.optimizer.weight_decay"].dtype == "float64"
        assert table["model.n_layers"].dtype == "Int64"
        assert table["train.batch_size"].dtype == "Int64"
        assert list(table["model.bias"]) == [False, False]
        assert table["train.clip_norm"].iloc[0] is None
        assert table["train.clip_norm"].iloc[1] == 1.0
        assert table["model.position.theta"].iloc[0] == 500
        assert math.isnan(table["model.position.theta"].iloc[1])


def test_a_setting_does_not_take_a_column_of_ours(kinds, make_search):
    runs = open_sweep(make_search(kinds, settings=[FIRST, SECOND])).runs()
    assert list(runs["settings/step"]) == ["rope", "none"]
    assert runs["step"].dtype == "Int64"
    assert column("step") == "settings/step"
    assert column(LR) == LR
    assert not runs.columns.duplicated().any()


def test_results_are_written_as_they_are(kinds, make_search):
    for name in ("one", "two"):
        folder = make_search(kinds, settings=[FIRST, SECOND], name=name)
        write_results(open_sweep(folder))
    with (folder / "results.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert first[LR] == "0.01"
    assert (first["model.n_layers"], first["train.batch_size"]) == ("2", "8")
    assert (first["model.bias"], first["settings/step"]) == ("False", "rope")
    assert (first["train.clip_norm"], second["train.clip_norm"]) == ("", "1.0")
    assert (first["model.position.theta"], second["model.position.theta"]) == ("500.0", "")
    assert (folder / "results.csv").read_bytes() == (
        folder.parent / "one" / "results.csv"
    ).read_bytes()


def test_settings_of_an_older_lab_stay_numbers(question):
    labels = {"variant": "rope", "phase": "tune", "trial": "0"}
    order = {"run": "rope-0-aa", "labels": labels, "settings": {LR: 0.01, "model.n_layers": 4.0}}
    table = frame(question, [(order, None)])
    assert table["model.n_layers"].dtype == "float64"
    assert table["model.n_layers"].iloc[0] == 4


def test_no_runs_are_a_table_too(kinds):
    table = frame(kinds, [])
    assert table.empty
    assert {LR, "settings/step", "val/loss"} <= {*table.columns}
    assert isinstance(table, pd.DataFrame)
