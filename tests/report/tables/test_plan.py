"""The plan beside what came of it."""

import json

import pytest

from lab.config.registered import hash_of
from lab.report.collect import open_sweep
from lab.report.judging.verdicts import judge
from lab.report.tables import plan as plan_part
from lab.report.tables.table import NOTHING

EARLY = {"learned": 7, "sinusoidal": 7, "rope": 4, "learned-twin": 7}


@pytest.fixture
def registered(make_sweep, question):
    """A sweep whose plan says all that a plan says."""

    def make(**more):
        folder = make_sweep(seeds=EARLY, **more)
        plan = json.loads((folder / "plan.json").read_text()) | {
            "resolved": question.dump(),
            "runs": {"least": 34, "greatest": 50},
            "contrasts": [{"weights": dict(c.weights)} for c in question.controls],
        }
        plan["hash"] = hash_of(plan)
        (folder / "plan.json").write_text(json.dumps(plan))
        return folder

    return make


def rows_of(folder):
    sweep = open_sweep(folder)
    table = plan_part.planned_against_actual(sweep.question, sweep.runs(), sweep.plan)
    return {row[0]: row[1:] for row in table.cells()[1:]}


def test_what_was_planned_stands_beside_what_was_done(registered):
    rows = rows_of(registered())
    assert rows["Trials of rope"] == ["6", "6", "✓"]
    assert rows["Seeds of learned"] == ["4 to 8", "7", "✓"]
    assert rows["Seeds of rope"] == ["4 to 8", "4", "✓"]
    assert rows["Judged by"] == ["test/loss", "test/loss", "✓"]
    assert rows["Comparisons"] == ["2", "2", "✓"]
    assert rows["Level α, shared among them"] == ["0.05", "0.05", "✓"]
    assert rows["Margin of equivalence"] == ["0.01", "0.01", "✓"]
    assert rows["Hash of the plan"][1:] == ["is of the plan's content", "✓"]


def test_runs_that_are_missing_or_too_many_are_told(registered):
    rows = rows_of(registered(lost={("confirm", "rope", 4): "planned"}))
    assert rows["Seeds of rope"] == ["4 to 8", "3", "fewer"]
    folder = registered(name="more")
    plan = json.loads((folder / "plan.json").read_text())
    plan["resolved"]["confirm"] |= {"max_seeds": 6}
    (folder / "plan.json").write_text(json.dumps(plan))
    assert rows_of(folder)["Seeds of learned"] == ["4 to 6", "7", "more"]


def test_a_question_that_was_edited_differs_from_its_plan(registered):
    folder = registered()
    question = folder / "sweep.yaml"
    question.write_text(question.read_text().replace("margin: 0.01", "margin: 0.5"))
    rows = rows_of(folder)
    assert rows["Margin of equivalence"] == ["0.01", "0.5", "differs"]
    assert rows["Hash of the plan"][-1] == "✓"


def test_a_plan_that_was_edited_does_not_have_its_hash(registered):
    folder = registered()
    plan = json.loads((folder / "plan.json").read_text())
    plan["resolved"]["confirm"]["margin"] = 0.5
    (folder / "plan.json").write_text(json.dumps(plan))
    assert rows_of(folder)["Hash of the plan"][1:] == ["is not of the plan's content", "differs"]


def test_a_plan_that_tells_nothing_has_no_table(plain_sweep):
    sweep = open_sweep(plain_sweep)
    assert plan_part.planned_against_actual(sweep.question, sweep.runs(), {"hash": "x"}) is None


def spared(question, sweep):
    runs = sweep.runs()
    return plan_part.spared(question, runs, judge(question, runs))


def test_what_stopping_early_spared(make_sweep, asking):
    far = {"learned": 2.130, "sinusoidal": 1.950, "rope": 1.896}
    sweep = open_sweep(make_sweep(seeds=EARLY, loss=far))
    (said,) = spared(sweep.question, sweep)
    assert said == (
        "Sequential stopping spent 25 of the 32 confirmation runs that the fixed design would have "
        "(78.1 %; without twins 18 of 24, 75 %)."
    )
    alone = asking(confirm={"max_seeds": 8, "twin": False})
    (said,) = spared(alone, sweep)
    assert said.endswith(
        "spent 18 of the 24 confirmation runs that the fixed design would have (75 %)."
    )
    for confirm in (None, {"test": "fixed", "max_seeds": 7}):
        assert spared(asking(confirm=confirm), sweep) == []


def test_nothing_is_spared_before_the_end(make_sweep):
    sweep = open_sweep(make_sweep(lost={("confirm", "rope", 4): "running"}))
    assert spared(sweep.question, sweep) == []


def test_a_pause_between_rounds_spares_nothing(make_sweep):
    sweep = open_sweep(make_sweep(seeds=dict.fromkeys(EARLY, 4)))
    assert not sweep.runs()["status"].isin(("running", "planned")).any()
    assert not all(verdict.settled for verdict in sweep.verdicts())
    assert spared(sweep.question, sweep) == []


def test_surplus_runs_are_listed_and_not_counted(make_sweep):
    folder = make_sweep(seeds=EARLY, lost={("confirm", "sinusoidal", 7): "failed"})
    before = open_sweep(folder)
    assert before.surplus() == []
    assert plan_part.surplus([]) is None
    assert plan_part.about_surplus([]) == []
    names = list(before.runs()["run"])
    ahead = [n for n in names if n.startswith(("learned-7-", "sinusoidal-7-"))]
    schedule = {"rounds": [[n for n in names if n not in ahead]], "surplus": [*ahead, "gone-9-0"]}
    (folder / "schedule.json").write_text(json.dumps(schedule))
    sweep = open_sweep(folder)
    assert not sweep.runs()["run"].isin(ahead).any()
    assert {record.run for record in sweep.surplus()} == {*ahead}
    cells = plan_part.surplus(sweep.surplus()).cells()
    assert cells[0] == ["Run", "Variant", "Seed", "Status", "Seconds"]
    assert [row[1:4] for row in cells[1:]] == [
        ["learned", "7", "complete"], ["sinusoidal", "7", "failed"]
    ]  # fmt: skip
    assert cells[1][4].endswith(" s")
    assert cells[2][4] == NOTHING
    (said,) = plan_part.about_surplus(sweep.surplus())
    assert said.startswith("Idle workers ran 2 runs ahead that no verdict needed, in ")
