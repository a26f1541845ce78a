"""Members of cohorts of any size, for two hundred steps: each the run alone, bit for bit."""

from collections.abc import Callable
from typing import Any

import pytest

from lab.train.member import Member
from tests.train.cohorts import alone, assert_same, build, cohort_of, member, stepped
from tests.train.loops import Setup, poison

pytestmark = pytest.mark.proof
Setups = Callable[..., Setup]
STEPS = 200
RUN: dict[str, Any] = {
    "model.norm": {"kind": "rmsnorm"},
    "train.steps": STEPS,
    "train.optimizer.lr": 1e-3,
    "train.eval_every": STEPS,
}
NANOGPT: dict[str, Any] = {
    **RUN,
    "model.n_layers": 4,
    "model.n_heads": 4,
    "model.d_model": 128,
    "model.max_seq_len": 64,
    "train.batch_size": 12,
}


@pytest.mark.parametrize("norm", ["rmsnorm", "layernorm"])
def test_cohorts_of_one_to_sixteen(setup: Setups, norm: str) -> None:
    changes = {**RUN, "model.norm": {"kind": norm}}
    seeds = [{"seed": seed} for seed in range(16)]
    apart = _alone(setup, seeds, changes)
    for size in range(1, 17):
        together = build(setup, seeds[-size:], **changes)
        stepped(cohort_of(together), STEPS)
        for one, other in zip(together, apart[-size:], strict=True):
            assert_same(one, other)


def test_nanogpts_shape_in_any_company_and_place(setup: Setups) -> None:
    seeds = [{"seed": seed} for seed in range(3)]
    apart = _alone(setup, seeds, NANOGPT)
    for company in ([1, 0], [2, 0, 1, 2, 1, 1]):
        together = build(setup, [seeds[place] for place in company], **NANOGPT)
        stepped(cohort_of(together), STEPS)
        for one, place in zip(together, company, strict=True):
            assert_same(one, apart[place])


def test_a_member_of_nanogpts_shape_that_is_no_number_changes_nobody(
    setup: Setups,
) -> None:
    seeds = [{"seed": seed} for seed in range(2)]
    apart = _alone(setup, seeds, NANOGPT)
    parts = [setup(**own, **NANOGPT) for own in (*seeds, {"seed": 2})]
    poison(parts[2], 50)
    together = [member(each) for each in parts]
    cohort = cohort_of(together)
    stepped(cohort, STEPS // 2)
    assert together[2].state.pending[-1].isnan().any()
    cohort.drop(together[2:])
    stepped(cohort, STEPS, first=STEPS // 2 + 1)
    for one, other in zip(together, apart, strict=False):
        assert_same(one, other)


def _alone(setup: Setups, own: list[dict[str, Any]], changes: dict[str, Any]) -> list[Member]:
    runs = build(setup, own, **changes)
    for run in runs:
        stepped(alone(run), STEPS)
    return runs
