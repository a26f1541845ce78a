"""The table of runs: every run, its package, and a command that trains it again."""

import json
import math
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from lab.cli import main
from lab.config.digest import run_digest
from lab.config.order import WorkOrder
from lab.config.run import RunConfig
from lab.config.yaml12 import dump_yaml
from lab.data.prepare import prepare
from lab.files import write_json, write_text
from lab.provenance.facts import facts
from lab.report.collect import open_sweep
from lab.report.records import record
from lab.report.tables.runs import command, run_table
from lab.run import execute


def rows_of(folder: Path) -> tuple[Any, list[dict[str, Any]]]:
    table = run_table(open_sweep(folder))
    return table, table.plain()


def test_every_run_is_there_whatever_became_of_it(make_sweep):
    lost = {("confirm", "rope", 2): "diverged", ("confirm", "rope", 3): "planned"}
    folder = make_sweep(lost=lost)
    table, rows = rows_of(folder)
    assert {row["Run"] for row in rows} == {path.name for path in folder.glob("runs/*")}
    by_seed = {(r["Variant"], r["Phase"], r["Trial"], r["Seed"]): r for r in rows}
    assert len(by_seed) == len(rows)
    assert by_seed["rope", "confirm", None, 2]["Status"] == "diverged"
    assert by_seed["rope", "confirm", None, 2]["Judged by"] is None
    assert by_seed["rope", "confirm", None, 3]["To train it again"] is None
    assert table.sortable


def test_each_phase_is_judged_by_its_own_loss(make_sweep):
    folder = make_sweep()
    table, rows = rows_of(folder)
    for row in rows:
        result = json.loads((folder / "runs" / row["Run"] / "result.json").read_text())
        metric = "test/loss" if row["Phase"] == "confirm" else "val/loss"
        assert row["Judged by"] == pytest.approx(result["metrics"][metric], rel=1e-12)
        assert row["Validation loss"] == pytest.approx(result["metrics"]["val/loss"], rel=1e-12)
        assert row["Seconds"] == pytest.approx(result["timing"]["total"])
        assert row["Steps"] == result["step"]
    assert (
        table.note
        == "A run is judged by its test loss where it confirms, else by its validation loss."
    )


def test_a_lone_way_of_judging_is_said_once(make_sweep, asking):
    folder = make_sweep(asked=asking(tune=None, confirm=None))
    assert rows_of(folder)[0].note == "A run is judged by its validation loss."


def test_packages_are_linked_to_where_a_sweep_puts_them(tmp_path, question, make_sweep):
    folder = make_sweep(name="experiments/a sweep & more", lost={("confirm", "rope", 1): "failed"})
    table, rows = rows_of(folder)
    assert set(table.links["Package"]) == {None}  # nothing is there
    names = [row["Package"] for row in rows]
    root = folder.parent.parent / "artifacts" / folder.name
    for name in filter(None, names[1:]):
        write_json(root / name / "manifest.json", {})
    (root / names[0]).mkdir()  # no package yet
    table, _ = rows_of(folder)
    for name, href in zip(names, table.links["Package"], strict=True):
        if name in (None, names[0]):
            assert href is None
        else:
            assert href == f"../../../artifacts/a%20sweep%20%26%20more/{name}/"
            assert (folder / "report" / unquote(href) / "manifest.json").resolve().is_file()
    assert sum(name is None for name in names) == 1


def test_the_table_does_not_depend_on_how_the_folder_is_reached(make_sweep, monkeypatch):
    folder = make_sweep(name="experiments/tiny")
    first = run_table(open_sweep(folder)).csv()
    assert " experiments/tiny/runs/" in first
    assert str(folder.parent) not in first
    monkeypatch.chdir(folder.parent)
    assert run_table(open_sweep(Path("tiny"))).csv() == first
    assert run_table(open_sweep(Path("../experiments/tiny"))).csv() == first
    assert run_table(open_sweep(folder.rename(folder.parent / "copy"))).csv() == first


def test_a_sweep_without_runs_has_no_table(make_sweep, asking):
    folder = make_sweep(asked=asking(tune=None), seeds=dict.fromkeys(question_arms, 0))
    assert run_table(open_sweep(folder)) is None


question_arms = ("learned", "sinusoidal", "rope")


@pytest.mark.parametrize(
    ("order", "end"),
    [
        ({}, ""),
        ({"judge": "val", "threads": 1}, ""),
        ({"judge": "test", "threads": 1}, " --test"),
        ({"judge": "test", "threads": 4}, " --test --threads 4"),
    ],
)
def test_the_command_says_what_made_the_numbers(order, end):
    order |= {"run": "rope-1-0123abcd", "labels": {"variant": "rope", "phase": "confirm"}}
    run = record(order, {"status": "complete", "seed": 1})
    found = command("it's", run)
    assert shlex.split(found)[:4] == [
        "python", "-m", "lab.train", "experiments/it's/runs/rope-1-0123abcd/config.yaml"
    ]  # fmt: skip
    assert found.endswith(f"config.yaml'{end}")


@pytest.mark.parametrize(("judge", "stream"), [("val", "init"), ("test", "twin")])
def test_the_command_gives_the_same_numbers(tmp_path, monkeypatch, tiny_run, judge, stream):
    monkeypatch.chdir(tmp_path)
    config = RunConfig.parse({**tiny_run, "seed": 3, "init_stream": stream})
    data = prepare(config.data)
    order = WorkOrder(
        run="tiny-3-00000000", digest=run_digest(config, corpus_digest=data.corpus_digest),
        config=config, labels={"variant": "tiny", "phase": "confirm"}, settings={}, judge=judge,
        data=str(data.folder), provenance=facts(),
    )  # fmt: skip
    sweep = Path("experiments/tiny")
    folder = sweep / "runs" / order.run
    write_text(folder / "config.yaml", dump_yaml(config.dump()))
    write_json(folder / "order.json", order.dump())
    first = execute(order, folder=folder)
    typed = command(sweep.name, record(order.dump(), first))
    assert main(shlex.split(typed)[2:][0].split(".")[1:] + shlex.split(typed)[3:]) == 0
    (again,) = Path("experiments/train").glob("*/result.json")
    second = json.loads(again.read_text())
    assert second["metrics"] == first["metrics"]
    assert math.isfinite(second["metrics"][f"{judge}/loss"])
    assert (again.parent / "metrics.csv").read_bytes() == (folder / "metrics.csv").read_bytes()
    other = [word for word in shlex.split(typed)[3:] if word != "--test"]
    assert main(["train", *other, *([] if judge == "test" else ["--test"])]) == 2  # says otherwise
