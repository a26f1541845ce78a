"""A plan's hash: of everything in it but what was there before it."""

import json

import pytest

from lab.config.registered import hash_of, is_intact

PLAN = {"schema": 1, "resolved": {"confirm": {"margin": 0.01}}, "rule": "± 0.01"}


def test_a_plan_that_was_read_back_is_intact() -> None:
    plan = {**PLAN, "hash": hash_of(PLAN), "before": {"plan": None}}
    assert is_intact(json.loads(json.dumps(plan, ensure_ascii=False)))
    assert is_intact({**plan, "before": {"plan": "another"}})


@pytest.mark.parametrize(
    "edit",
    [{"resolved": {"confirm": {"margin": 0.02}}}, {"rule": "± 0.02"}, {"more": 1}, {"hash": "0"}],
    ids=str,
)
def test_one_that_was_edited_is_not(edit: dict[str, object]) -> None:
    assert not is_intact({**PLAN, "hash": hash_of(PLAN), **edit})


def test_without_a_hash_nothing_is_certain() -> None:
    assert not is_intact(PLAN)
