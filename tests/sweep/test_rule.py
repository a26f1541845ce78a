"""The rule in words: what it promises can happen, and what it judges by is said."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lab.config.loading import load_sweep
from lab.config.sweep import SweepConfig
from lab.sweep.rule import rule
from tests.sweep.test_plan import BASE, QUESTION

SHIPPED = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
FIVE: dict[str, Any] = {f"v{k}": {"model.norm.eps": 1e-6 * (k + 1)} for k in range(5)}
SEARCH = {"question": "Which rate?", "base": BASE, "confirm": {"max_seeds": 2}}


def rule_of(raw: Mapping[str, Any], **changes: Any) -> str:
    return rule(SweepConfig.parse({**raw, **changes}))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_questions_of_this_repository_can_be_settled(path: Path) -> None:
    assert "nothing can be settled" not in rule(load_sweep(path))


def test_too_few_seeds_for_so_many_comparisons() -> None:
    few = "With at most 4 seeds nothing can be settled at this level; it takes 5."
    question = {**QUESTION, "variants": FIVE}
    assert few in rule_of(question, confirm={"max_seeds": 4})  # 17^1.5 = 70 is less than 80
    assert "settled at this level" not in rule_of(question, confirm={"max_seeds": 5})
    assert "settled at this level" not in rule_of(question, confirm={"max_seeds": 4, "alpha": 0.06})
    assert "settled at this level" not in rule_of(
        question, confirm={"max_seeds": 4, "test": "fixed"}
    )


def test_a_search_by_something_else_than_the_loss_says_what_confirms_it() -> None:
    space = QUESTION["tune"]["space"]
    told = (
        "The search chooses by train/grad_norm, the confirmation goes by test/loss, of which less"
    )
    by_norm = {"trials": 3, "space": space, "objective": "train/grad_norm"}
    assert told in rule_of(SEARCH, tune=by_norm)
    assert "goes by" not in rule_of(SEARCH, tune=by_norm, confirm=None)
    assert "goes by" not in rule_of(SEARCH, tune=by_norm, confirm={"max_seeds": 2, "metric": "bpb"})
    for same in ("val/loss", "val/bpb"):
        assert "goes by" not in rule_of(SEARCH, tune={**by_norm, "objective": same})
    by_accuracy = {
        **by_norm, "objective": {"metric": "val/accuracy", "direction": "maximize"},
    }  # fmt: skip
    task = {**BASE, "data": {"corpus": {"kind": "mqar"}}}
    assert "The search chooses by val/accuracy, the confirmation goes by test/loss" in rule_of(
        SEARCH, base=task, tune=by_accuracy
    )
