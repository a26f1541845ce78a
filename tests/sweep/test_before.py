"""What a plan says of what was there before it: runs that had been seen, and what changed."""

import json
from pathlib import Path
from typing import Any

import pytest

from lab.config.registered import is_intact
from lab.errors import SweepError
from lab.files import read_json, write_json
from lab.sweep.before import Seen, before, differences
from lab.sweep.folder import SweepFolder
from lab.sweep.registration import registration
from tests.sweep.test_plan import QUESTION, plan_of

CONFIRM = QUESTION["confirm"]
SEEN = [Seen("rope-0-1", "rope", "tune"), Seen("rope-1-2", "rope", "confirm")]


def content(**changes: Any) -> dict[str, Any]:
    plan = plan_of(**changes)
    sizes = dict.fromkeys(plan.question.arms, 50)
    return registration(plan, name="q", vocab_sizes=sizes)


def written(old: dict[str, Any] | None = None, /, **changes: Any) -> dict[str, Any]:
    """A plan as it lies in a folder where all of `SEEN` had ended under the old one."""
    new = content(**changes)
    return {**new, "before": before(new, old or {}, SEEN if old else [])}


def test_a_first_plan_has_seen_nothing() -> None:
    assert written()["before"] == {
        "plan": None, "changed": [], "finished": [], "confirmed": [], "exploratory": False
    }  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"confirm": {**CONFIRM, "margin": 0.5}},
        {"confirm": {**CONFIRM, "alpha": 0.1}},
        {"confirm": {**CONFIRM, "metric": "bpb"}},
        {"confirm": {"test": "fixed", "max_seeds": 5}},
        {"baseline": "rope"},
        {"compare": "all"},
        {"match": "flops"},
        {"scales": {"small": {"model.d_model": 8}, "large": {}}},
        {"variants": {"learned": {}, "rope": {"model.position": {"kind": "rope"}}}},
        {"variants": {**QUESTION["variants"], "none-of-these": {"model.norm.eps": 1e-3}}},
        {"variants": dict(reversed(QUESTION["variants"].items()))},
    ],
    ids=str,
)
def test_who_changes_the_rule_after_seeing_answers_explores(change: dict[str, Any]) -> None:
    first = written()
    after = written(first, **change)["before"]
    if "scales" in change:  # no run of these arms had been seen
        assert not after["exploratory"]
        return
    assert after["exploratory"]
    assert after["plan"] == first["hash"]
    assert after["finished"] == ["rope-0-1", "rope-1-2"]
    assert after["confirmed"] == ["rope-1-2"]
    assert after["changed"]
    unseen = before(content(**change), first, [run for run in SEEN if run.phase == "tune"])
    assert not unseen["exploratory"]


@pytest.mark.parametrize(
    "change",
    [
        {"question": "Which, then?"},
        {"confirm": {**CONFIRM, "max_seeds": 7}},
        {"confirm": {**CONFIRM, "min_seeds": 2}},
        {"confirm": {**CONFIRM, "twin": True}},
        {"tune": {**QUESTION["tune"], "trials": 12}},
        {"variants": {**QUESTION["variants"], "more": {"model.norm.eps": 1e-3}}},
        {"confirm": {**CONFIRM, "twin": False}},  # as it was by default
        {"confirm": {**CONFIRM, "metric": "loss"}},
        {"baseline": "learned"},
        {"packages": "best"},
    ],
    ids=str,
)
def test_other_changes_are_told_and_leave_the_answer_what_it_is(change: dict[str, Any]) -> None:
    after = written(written(), **change)["before"]
    assert not after["exploratory"]
    assert after["changed"]


def test_once_exploratory_always_exploratory() -> None:
    second = written(written(), confirm={**CONFIRM, "margin": 0.5})
    back = written(second)
    assert back["before"]["exploratory"]
    assert back["before"]["changed"] == ["confirm.margin: 0.5 → null"]


def test_a_plan_that_was_edited_fixed_nothing() -> None:
    edited = json.loads(json.dumps(written()))
    edited["resolved"]["confirm"]["margin"] = 0.5
    assert not is_intact(edited)
    after = written(edited, confirm={**CONFIRM, "margin": 0.5})["before"]
    assert after["changed"] == []
    assert after["exploratory"]


def test_answers_without_a_plan_were_seen_before_it() -> None:
    assert before(content(), {}, SEEN)["exploratory"]
    assert not before(content(), {}, SEEN[:1])["exploratory"]


def test_settings_that_an_older_plan_does_not_name_are_the_defaults() -> None:
    old = content()
    del old["resolved"]["scales"], old["resolved"]["confirm"]["twin"]
    assert differences({"a": 1}, {"b": None, "a": 1}) == []
    after = before(content(), old, [])
    assert after["changed"] == []


def test_differences_are_told_by_path() -> None:
    old = {"a": {"b": 1, "c": [1]}, "d": "x", "gone": True}
    new = {"a": {"b": 2, "c": [1]}, "d": "y", "new": {"e": 0.5}}
    assert differences(old, new) == [
        "a.b: 1 → 2", "d: x → y", "gone: true → null", 'new: null → {"e": 0.5}'
    ]  # fmt: skip


def test_a_folder_keeps_its_plans_and_what_had_ended(tmp_path: Path) -> None:
    folder, question = SweepFolder(tmp_path), plan_of().question
    for run, (phase, status) in {
        "rope-1-a": ("confirm", "complete"),
        "rope-2-b": ("confirm", "failed"),
        "rope-0-c": ("tune", "diverged"),
    }.items():
        labels = {"variant": "rope", "phase": phase}
        write_json(folder.run(run) / "order.json", {"labels": labels})
        write_json(folder.run(run) / "result.json", {"status": status})
    (tmp_path / "set-aside").mkdir()
    folder.run("rope-0-c").rename(tmp_path / "set-aside" / "rope-0-c.1")
    first = content(confirm={**CONFIRM, "margin": 0.5})
    assert folder.register(first, question)["changed"] == []
    written_first = read_json(tmp_path / "plan.json")
    assert written_first["before"]["finished"] == ["rope-1-a", "rope-0-c.1"]
    assert folder.register(first, question) == {}  # to continue is to change nothing
    assert read_json(tmp_path / "plan.json") == written_first
    assert folder.register(content(), question)["changed"] == ["confirm.margin: 0.5 → null"]
    second = read_json(tmp_path / "plan.json")
    assert is_intact(second)
    assert second["before"]["plan"] == first["hash"]
    assert read_json(tmp_path / f"plan-{first['hash'][:8]}.json") == written_first


def test_a_result_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path)
    write_json(folder.run("rope-1-a") / "order.json", {})
    (folder.run("rope-1-a") / "result.json").write_text("{")
    with pytest.raises(SweepError, match=r"result.json cannot be read"):
        folder.register(content(), plan_of().question)
