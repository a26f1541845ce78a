"""Evaluated in one pass, each member is told what it is told alone."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab.batch import Batch
from lab.train.cohort_evaluation import Evaluations
from lab.train.loop import train_many
from tests.train.cohorts import (
    OWN,
    assert_same,
    build,
    cohort_of,
    member,
    stepped,
    trained_alone,
)
from tests.train.loops import Setup, poison

Setups = Callable[..., Setup]
KINDS: dict[str, dict[str, Any]] = {
    "text": {},
    "bf16": {"train.precision": "bf16"},
    "few rows": {"train.batch_size": 2, "train.micro_batch_size": 1},
    "documents": {
        "data.tokenizer": {"kind": "char", "specials": True},
        "data.documents": "separate",
    },
    "task": {"data.corpus": {"kind": "mqar", "symbols": 8, "pairs": 2, "held_out": 40}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_told_what_it_is_told_alone(setup: Setups, kind: str) -> None:
    together, apart = (build(setup, OWN[:3], **KINDS[kind]) for _ in range(2))
    cohort = cohort_of(together)
    evaluations = Evaluations(cohort)
    for run in together:
        run.evaluate = evaluations.of(run)
    assert train_many(together, cohort) == trained_alone(apart)
    for one, other in zip(together, apart, strict=True):
        assert_same(one, other)
        assert one.state.model.training == other.state.model.training


def test_all_are_read_to_once_a_step(setup: Setups) -> None:
    runs = build(setup, OWN[:3])
    cohort = cohort_of(runs)
    evaluations = Evaluations(cohort)
    asked = 0

    def counted(run: Any) -> Iterator[Batch]:
        nonlocal asked
        for batch in run.batches.evaluation("val"):
            asked += 1
            yield batch

    for _ in range(2):
        found = [
            evaluations.of(run)(run.state.model, counted(run), precision="fp32") for run in runs
        ]
        assert len({values["loss"] for values in found}) == 3
        stepped(cohort, runs[0].state.step + 1, first=runs[0].state.step + 1)
    assert asked == 2 * len([*runs[0].batches.evaluation("val")])


def test_one_that_has_diverged_is_not_asked_and_harms_nobody(setup: Setups) -> None:
    together, apart = ([setup(**own) for own in OWN[:3]] for _ in range(2))
    poison(together[1], 3)
    poison(apart[1], 3)
    runs, others = ([member(parts) for parts in all_] for all_ in (together, apart))
    cohort = cohort_of(runs)
    evaluations = Evaluations(cohort)
    for run in runs:
        run.evaluate = evaluations.of(run)
    assert [*map(repr, train_many(runs, cohort))] == [*map(repr, trained_alone(others))]
