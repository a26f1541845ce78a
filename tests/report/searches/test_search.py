"""What trials.json says, what happens where it cannot be, and what is known without it."""

import json
import re

import pytest

from lab.errors import SweepError
from lab.report.collect import open_sweep

LR = "train.optimizer.lr"
FATES = {1: "pruned", 2: "diverged", 3: "failed"}


def changed(folder, **parts):
    path = folder / "trials.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | parts))


def test_a_row_a_trial(searching, make_search):
    folder = make_search(searching(seeds=2), fates=FATES)
    told = json.loads((folder / "trials.json").read_text())["trials"]
    table = open_sweep(folder).trials()
    assert list(table.columns)[:3] == ["variant", "number", "state"]
    assert list(table.columns)[-5:] == ["val/loss", "seeds", "tokens", "source", "reason"]
    assert list(table["state"])[:4] == ["complete", "pruned", "diverged", "failed"]
    for row, trial in zip(table.to_dict("records"), told, strict=True):
        assert row["number"] == trial["number"]
        assert row["tokens"] == trial["tokens"]
        assert row[LR] == trial["settings"][LR]
        assert row["seeds"] == len(trial["replicates"])
        if trial["values"]:
            assert row["val/loss"] == trial["values"][0]
        else:
            assert row["val/loss"] != row["val/loss"]
            assert row["reason"] == trial["reason"]


def test_trials_that_share_a_run_are_all_there(searching, make_search):
    folder = make_search(searching())
    told = json.loads((folder / "trials.json").read_text())["trials"]
    told[4] |= {key: told[0][key] for key in ("settings", "values", "runs")}
    changed(folder, trials=told)
    assert len(open_sweep(folder).trials()) == 8


def test_no_tuning_no_trials(make_sweep, asking):
    sweep = open_sweep(make_sweep(asked=asking(tune=None)))
    assert sweep.search() is None
    assert sweep.trials().empty
    assert {"variant", "number", "state", "val/loss"} <= {*sweep.trials().columns}


def test_a_file_of_another_plan_is_not_read(searching, make_search):
    folder = make_search(searching())
    changed(folder, plan="of another question", trials=[{"odd": 1}])
    search = open_sweep(folder).search()
    assert not search.is_kept
    assert len(search.trials) == 8


def test_without_the_file_the_runs_tell_the_same(searching, make_search):
    asked = searching(seeds=2)
    kept = open_sweep(make_search(asked, fates=FATES, name="one")).search()
    rebuilt = open_sweep(make_search(asked, fates=FATES, name="two", kept=False)).search()
    assert (kept.is_kept, rebuilt.is_kept) == (True, False)
    for one, other in zip(kept.trials, rebuilt.trials, strict=True):
        assert (one.number, one.state, one.settings) == (other.number, other.state, other.settings)
        assert (one.values, one.replicates) == (other.values, other.replicates)
        assert (one.tokens, one.full_tokens) == (other.tokens, other.full_tokens)
        assert (one.runs, one.counts) == (other.runs, other.counts)
    assert rebuilt.tokens == kept.tokens
    done = rebuilt.complete[0]
    assert done.intermediate[400] == pytest.approx(done.replicates[0][0], rel=0.01)


def test_a_comparison_of_an_older_lab_has_trials_too(plain_sweep):
    sweep = open_sweep(plain_sweep)
    assert len(sweep.trials()) == 18
    assert set(sweep.trials()["variant"]) == {"learned", "sinusoidal", "rope"}
    assert sweep.answers() == [verdict.sentence for verdict in sweep.verdicts()]


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        ({"trials": None}, "trials"),
        ({"objectives": [{"metric": "val/los", "direction": "minimize"}]}, "objectives.0.metric"),
        ({"tokens": {"spent": "many", "full": 1}}, "tokens.spent"),
        ({"importance": {"base": {LR: "most"}}}, r"importance\.base"),
        ({"seeds": None}, "seeds"),
    ],
)
def test_damage_is_named(searching, make_search, damage, rule):
    folder = make_search(searching())
    changed(folder, **damage)
    with pytest.raises(SweepError, match=rf"trials\.json is damaged \({rule}.*remove it"):
        open_sweep(folder).search()


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        ({"number": "x"}, "trials.0.number"),
        ({"state": "lost"}, "trials.0.state"),
        ({"variant": "other"}, "trial 0 is of 'other'"),
        ({"settings": {"model.n_layer": 2}}, "trial 0 sets 'model.n_layer'"),
        ({"values": [1.0, 2.0]}, "does not have a value for each objective"),
        ({"replicates": [[]]}, "does not have a value for each objective"),
        ({"values": [float("inf")]}, "finite"),
    ],
)
def test_a_damaged_trial_is_named(searching, make_search, damage, rule):
    folder = make_search(searching())
    trials = json.loads((folder / "trials.json").read_text())["trials"]
    changed(folder, trials=[trials[0] | damage, *trials[1:]])
    with pytest.raises(SweepError, match=re.escape(rule)) as caught:
        open_sweep(folder).search()
    assert str(folder / "trials.json") in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_torn_file_is_named(searching, make_search, text):
    folder = make_search(searching())
    (folder / "trials.json").write_text(text)
    with pytest.raises(
        SweepError, match=r"trials\.json (cannot be read|is damaged) .*continue the sweep"
    ):
        open_sweep(folder).search()
