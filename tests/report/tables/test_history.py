"""What was run, what it took, with what."""

import json
import math

import pytest

from lab.config.registered import hash_of
from lab.report.collect import TIMING, open_sweep
from lab.report.tables import history

LOST = {
    ("tune", "learned", 3): "diverged",
    ("confirm", "sinusoidal", 2): "failed",
    ("confirm", "rope", 3): "running",
    ("confirm", "rope", 4): "planned",
}


def rows(table, key):
    return {row.pop(key): row for row in table.plain()}


def test_runs_are_counted_beside_the_plan(make_sweep):
    sweep = open_sweep(make_sweep(lost=LOST))
    counted = rows(history.counts(sweep.question, sweep.runs()), "Phase")
    assert counted == {
        "Tuning": {
            "Asked for by the plan": "18",
            "Complete": 17,
            "Diverged": 1,
            "Failed": 0,
            "Running": 0,
            "Planned": 0,
        },
        "Confirmation": {
            "Asked for by the plan": "16 to 32",
            "Complete": 13,
            "Diverged": 0,
            "Failed": 1,
            "Running": 1,
            "Planned": 1,
        },
    }


def test_a_fixed_number_is_one_number(make_sweep, asking):
    asked = asking(tune=None, confirm={"test": "fixed", "max_seeds": 3})
    sweep = open_sweep(make_sweep(asked=asked))
    counted = rows(history.counts(asked, sweep.runs()), "Phase")
    assert counted["Confirmation"]["Asked for by the plan"] == "9"
    assert "Running" not in counted["Confirmation"]
    single = asking(tune=None, confirm=None)
    sweep = open_sweep(make_sweep(asked=single, name="single"))
    counted = rows(history.counts(single, sweep.runs()), "Phase")
    assert counted["Single runs"]["Asked for by the plan"] == "3"


def test_a_variant_without_an_answer_is_asked_for_no_more_seeds(make_sweep, asking, question):
    base = {**question.dump()["base"], "evaluate": {"lengths": [256]}}
    confirm = {"min_seeds": 4, "max_seeds": 8, "metric": "loss@256"}
    asked = asking(base=base, tune=None, baseline="rope", confirm=confirm)
    counted = rows(history.counts(asked, open_sweep(make_sweep(asked=asked)).runs()), "Phase")
    assert counted["Confirmation"]["Asked for by the plan"] == "16 to 28"


def test_mishaps_are_quoted(make_sweep):
    sweep = open_sweep(make_sweep(lost=LOST, error="x" * 500 + " CUDA out of memory"))
    diverged, failed = history.mishaps(sweep.runs()).plain()
    assert (diverged["Outcome"], diverged["At step"], diverged["Error"]) == ("diverged", 120, None)
    assert failed["Run"].startswith("sinusoidal-2-")
    assert failed["Error"].endswith("CUDA out of memory")
    assert len(failed["Error"]) < 310
    assert history.mishaps(open_sweep(make_sweep(name="good")).runs()) is None


def test_the_share_of_time_that_was_useful(make_sweep):
    folder = make_sweep(lost=LOST)
    timing = [json.loads(p.read_text())["timing"] for p in folder.glob("runs/*/result.json")]
    timing = [t for t in timing if t]
    useful = sum(t["train"] + t["eval"] for t in timing) / sum(t["total"] for t in timing)
    found = open_sweep(folder).timing()
    assert history.useful_share(found) == pytest.approx(useful)
    assert math.isnan(history.useful_share(found.iloc[:0]))
    assert history.budget(found.iloc[:0]) is None


def test_the_budget_adds_up(plain_sweep):
    spent = rows(history.budget(open_sweep(plain_sweep).timing()), "Part")
    for column in ("Tuning", "Confirmation", "All", "Share of all"):
        parts = [row[column] for part, row in spent.items() if part != "Total"]
        assert sum(parts) == pytest.approx(spent["Total"][column])
    assert spent["Total"]["All"] == spent["Total"]["Tuning"] + spent["Total"]["Confirmation"]
    assert {*history.PARTS, "total"} == {*TIMING}


def test_provenance_shows_where_runs_differ(make_sweep):
    folder = make_sweep(lost=LOST)
    path = next(folder.glob("runs/rope-1-*/result.json"))
    result = json.loads(path.read_text())
    result["provenance"]["torch"] = "2.14.0"
    path.write_text(json.dumps(result))
    sweep = open_sweep(folder)
    shown = {
        row["What"]: row["Value"] for row in history.provenance(sweep.records(), sweep.plan).plain()
    }
    assert shown["plan"] == sweep.plan["hash"]
    assert shown["torch"] == "2.13.0 (31 runs); 2.14.0 (1 run)"
    assert shown["device"] == "cpu"
    assert shown["git dirty"] == "false"
    assert shown["data val"] == "22,345 bytes, 22,340 chars, 22,340 tokens, 5 documents"


def before(**more):
    """A plan that says what was there before it."""
    known = {"plan": None, "changed": [], "finished": [], "confirmed": [], "exploratory": False}
    plan = {"resolved": {}, "before": known | more}
    return plan | {"hash": hash_of(plan)}


def test_a_first_plan_has_no_past():
    assert history.changes(before()) == []


def test_what_changed_and_what_had_been_seen_is_told():
    seen = {"finished": ["a", "b", "c"], "confirmed": ["c"]}
    told = history.changes(before(plan="x", changed=["confirm.margin: 0.01 → 0.02"], **seen))
    assert told == [
        "This is not the first plan of this folder: the earlier ones lie beside plan.json. "
        "Since the last of them changed: confirm.margin: 0.01 → 0.02.",
        "When this plan was written, 3 runs had ended, one of them a confirmation run.",
    ]
    told = history.changes(before(plan="x", exploratory=True))
    assert told[0].endswith("Nothing of the question has changed since the last of them.")
    assert told[1] == "No run had ended when this plan was written."
    assert "exploratory" in told[2]


def test_many_changes_are_counted():
    (told, _) = history.changes(before(plan="x", changed=[f"{k}: 0 → 1" for k in range(10)]))
    assert told.endswith("7: 0 → 1, and 2 more changes.")


def test_runs_that_had_ended_without_a_plan_are_told():
    (told,) = history.changes(before(finished=["a", "b"]))
    assert told == "When this plan was written, 2 runs had ended, none of them confirmation runs."


def test_a_plan_that_was_edited_is_told(make_sweep):
    plan = open_sweep(make_sweep()).plan
    assert history.changes(plan) == []
    (told,) = history.changes({**plan, "rule": "Whatever."})
    assert told.startswith("plan.json is not what its hash was made of")
