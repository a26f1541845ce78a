"""A sweep's folder, read back: what stands in the files, whatever state they are in."""

import csv
import json
import math

import pytest

from lab.errors import SweepError
from lab.report.collect import open_sweep, write_results

HOSTILE = 'RuntimeError: "a, b"\nand\tmore'


def results_in(folder):
    return {
        path.parent.name: json.loads(path.read_text()) for path in folder.glob("runs/*/result.json")
    }


def first_run(folder):
    return sorted((folder / "runs").iterdir())[0]


def test_every_run_is_a_row(plain_sweep):
    folder = plain_sweep
    runs, found = open_sweep(folder).runs(), results_in(folder)
    assert sorted(runs["run"]) == sorted(found)
    for row in runs.to_dict("records"):
        result = found[row["run"]]
        assert row["status"] == result["status"] == "complete"
        assert row["digest"] == result["digest"]
        assert row["val/loss"] == result["metrics"]["val/loss"]
        assert row["n_params"] == result["model"]["n_params"]
        assert row["initial/val/loss"] == result["initial"]["val/loss"]
        if row["phase"] == "confirm":
            assert row["test/loss"] == result["metrics"]["test/loss"]
        else:
            assert math.isnan(row["test/loss"])


def test_rows_are_in_the_order_of_the_plan(plain_sweep):
    sweep = open_sweep(plain_sweep)
    runs = sweep.runs()
    assert list(dict.fromkeys(zip(runs["phase"], runs["variant"], strict=True))) == [
        *((phase, name) for phase in ("tune", "confirm") for name in sweep.question.arms),
        ("confirm", "learned-twin"),
    ]
    tuning = runs[(runs["phase"] == "tune") & (runs["variant"] == "rope")]
    assert list(tuning["trial"]) == [0, 1, 2, 3, 4, 5]
    confirmed = runs[(runs["phase"] == "confirm") & (runs["variant"] == "rope")]
    assert list(confirmed["seed"]) == [1, 2, 3, 4]


def test_unfinished_runs_have_a_status(make_sweep):
    lost = {
        ("confirm", "rope", 2): "running",
        ("confirm", "rope", 3): "planned",
        ("confirm", "rope", 4): "failed",
        ("tune", "rope", 0): "diverged",
    }
    runs = open_sweep(make_sweep(lost=lost, error=HOSTILE)).runs().set_index("run")
    rope = runs[runs["variant"] == "rope"]
    confirmed = rope[rope["phase"] == "confirm"].set_index("seed")
    assert list(confirmed["status"]) == ["complete", "running", "planned", "failed"]
    assert confirmed.loc[4, "error"] == HOSTILE
    diverged = rope[rope["status"] == "diverged"]
    assert list(diverged["diverged_at"]) == [120]
    assert list(diverged["phase"]) == ["tune"]


def test_timing_is_apart(plain_sweep):
    folder = plain_sweep
    sweep, found = open_sweep(folder), results_in(folder)
    timing = sweep.timing().set_index("run")
    assert len(timing) == len(found)
    for run, result in found.items():
        for name, value in result["timing"].items():
            assert timing.loc[run, name] == value
    assert not {"total", "setup", "train", "tokens_per_second"} & {*sweep.runs().columns}


def test_a_curve_is_read_exactly(plain_sweep):
    folder = plain_sweep
    run = first_run(folder)
    curve = open_sweep(folder).curve(run.name)
    with (run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(curve) == len(rows) == 41
    assert [repr(x) for x in curve["train/loss"][1:]] == [row["train/loss"] for row in rows[1:]]
    assert math.isnan(curve["val/loss"][1])
    assert curve["step"].iloc[-1] == 400


def test_a_curve_while_its_run_writes(make_sweep):
    folder = make_sweep()
    run = first_run(folder)
    with (run / "metrics.csv").open("a") as file:
        file.write("410,839680,2.1")  # half a row
    assert len(open_sweep(folder).curve(run.name)) == 41
    (run / "metrics.csv").write_text("step,tok")
    assert open_sweep(folder).curve(run.name).empty
    (run / "metrics.csv").unlink()
    assert open_sweep(folder).curve(run.name).empty
    (run / "metrics.csv").write_text("step,tokens\n1,2,3\n")
    with pytest.raises(SweepError, match=r"metrics\.csv is damaged"):
        open_sweep(folder).curve(run.name)


def test_results_depend_on_results_alone(make_sweep):
    one, two = make_sweep(name="one"), make_sweep(name="two")
    for path in two.glob("runs/*/result.json"):
        result = json.loads(path.read_text())
        result["timing"] = {name: value * 3 for name, value in result["timing"].items()}
        path.write_text(json.dumps(result))
    for folder in (one, two):
        write_results(open_sweep(folder))
    assert (one / "results.csv").read_bytes() == (two / "results.csv").read_bytes()
    assert (one / "timing.csv").read_bytes() != (two / "timing.csv").read_bytes()


def test_results_hold_every_digit(make_sweep):
    folder = make_sweep(lost={("tune", "rope", 1): "failed"}, error=HOSTILE)
    write_results(open_sweep(folder))
    found = results_in(folder)
    with (folder / "results.csv").open(newline="") as file:
        rows = {row["run"]: row for row in csv.DictReader(file)}
    assert rows.keys() == found.keys()
    for run, result in found.items():
        for name, value in result["metrics"].items():
            assert rows[run][name] == repr(value)
        assert rows[run]["seed"] == str(result["seed"])
    (failed,) = [row for row in rows.values() if row["status"] == "failed"]
    assert failed["error"] == HOSTILE
    assert failed["val/loss"] == failed["n_params"] == failed["package"] == ""


def test_an_empty_sweep_is_a_sweep(make_sweep):
    folder = make_sweep(seeds=dict.fromkeys(("learned", "sinusoidal", "rope"), 0))
    for run in (folder / "runs").iterdir():
        for file in run.iterdir():
            file.unlink()  # made, and nothing written yet
    sweep = open_sweep(folder)
    assert sweep.runs().empty
    assert sweep.timing().empty
    assert [v.kind for v in sweep.verdicts()] == ["unmeasured", "unmeasured"]


def test_runs_of_an_earlier_plan_are_left_out(make_sweep):
    folder = make_sweep()
    names = sorted(path.name for path in (folder / "runs").iterdir())
    rounds = {"schema": 1, "rounds": [names[:3], names[3:5]]}
    (folder / "schedule.json").write_text(json.dumps(rounds))
    assert sorted(open_sweep(folder).runs()["run"]) == names[:5]


def test_the_planted_difference_is_found(plain_sweep):
    sinusoidal, rope = open_sweep(plain_sweep).verdicts()
    assert rope.kind == "decided"
    assert rope.low < -0.234 < rope.high
    assert sinusoidal.kind == "undecided"


def test_what_is_no_sweep(tmp_path, make_sweep):
    with pytest.raises(SweepError, match="is not a folder"):
        open_sweep(tmp_path / "nowhere")
    with pytest.raises(SweepError, match=r"it has no sweep\.yaml"):
        open_sweep(tmp_path)
    folder = make_sweep()
    (folder / "plan.json").unlink()
    with pytest.raises(SweepError, match=r"it has no plan\.json"):
        open_sweep(folder)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("question: [", "line"),
        ("- a\n", "no question"),
        ("question: x\nvariantz: {}\n", "did you mean 'variants'"),
    ],
)
def test_a_damaged_question(make_sweep, text, rule):
    folder = make_sweep()
    (folder / "sweep.yaml").write_text(text)
    with pytest.raises(SweepError, match=rule):
        open_sweep(folder)


@pytest.mark.parametrize(
    ("file", "text", "rule"),
    [
        ("result.json", "{", "cannot be read"),
        ("result.json", "[]", "no JSON object"),
        ("result.json", '{"digest": "other"}', "result.json is of the run other"),
        ("order.json", '{"run": "other"}', "is of the run"),
        ("order.json", None, "has a result.json but no order.json"),
    ],
)
def test_a_damaged_run_is_named(make_sweep, file, text, rule):
    folder = make_sweep()
    path = first_run(folder) / file
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(SweepError, match=rule) as caught:
        open_sweep(folder).runs()
    assert first_run(folder).name in str(caught.value)
    assert "run the sweep again" in str(caught.value)


@pytest.mark.parametrize("change", [{"status": "odd"}, {"status": None}, {"seed": "x"}])
def test_an_odd_result_is_named(make_sweep, change):
    folder = make_sweep()
    path = first_run(folder) / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SweepError, match=f"{first_run(folder).name}.*is damaged"):
        open_sweep(folder).runs()


@pytest.mark.parametrize(
    "damage", [{"before": [1]}, {"runs": [1]}, {"contrasts": 5}, {"contrasts": [{"weights": 1}]}]
)
def test_a_plan_of_another_form_is_named(damage, make_sweep):
    folder = make_sweep()
    path = folder / "plan.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | damage))
    with pytest.raises(SweepError, match=r"plan\.json is damaged .* move it away"):
        open_sweep(folder)
