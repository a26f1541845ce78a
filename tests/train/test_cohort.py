"""Each member of a cohort is the run alone, bit for bit, whatever its company."""

import math
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from lab.batch import IGNORED, Batch
from lab.train.checkpoint import Checkpoints
from lab.train.cohort import clip_each
from lab.train.loop import train_many
from lab.train.member import Member
from tests.train.cohorts import (
    OWN,
    alone,
    assert_same,
    build,
    cohort_of,
    member,
    owned,
    stepped,
    trained_alone,
    trained_together,
)
from tests.train.loops import Setup, poison

Setups = Callable[..., Setup]
KINDS: dict[str, dict[str, Any]] = {
    "layernorm": {},
    "rmsnorm": {"model.norm": {"kind": "rmsnorm"}},
    "biases": {"model.bias": True, "model.tie_embeddings": False},
    "gated, grouped": {
        "model.n_heads": 4,
        "model.attention": {"kind": "grouped-query", "n_kv_heads": 2, "qk_norm": True},
        "model.mlp": {"kind": "swiglu"},
        "model.position": {"kind": "rope"},
    },
    "micro-batches": {"train.micro_batch_size": 1, "train.z_loss": 1e-3},
    "bf16": {"train.precision": "bf16"},
    "bf16, micro-batches": {"train.precision": "bf16", "train.micro_batch_size": 2},
    "documents": {
        "data.tokenizer": {"kind": "char", "specials": True},
        "data.documents": "separate",
    },
    "task": {"data.corpus": {"kind": "mqar", "symbols": 8, "pairs": 2, "held_out": 8}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_member_is_the_run_alone(setup: Setups, kind: str) -> None:
    together, apart = (build(setup, OWN, **KINDS[kind]) for _ in range(2))
    assert trained_together(together) == trained_alone(apart)
    for one, other in zip(together, apart, strict=True):
        assert_same(one, other)


def test_so_it_is_after_two_hundred_steps(setup: Setups) -> None:
    changes = {"model.norm": {"kind": "rmsnorm"}, "train.steps": 200, "train.eval_every": 100}
    own = [{"seed": seed, "train.optimizer.lr": 1e-3} for seed in range(2)]
    together, apart = (build(setup, own, **changes) for _ in range(2))
    trained_together(together)
    trained_alone(apart)
    for one, other in zip(together, apart, strict=True):
        assert_same(one, other)


@pytest.mark.parametrize("company", [[0], [1, 0], [0, 0, 2], [4, 3, 2, 1, 0], [1] * 8 + [0]])
def test_company_and_place_change_nothing(setup: Setups, company: list[int]) -> None:
    (apart,) = build(setup, OWN[:1])
    together = build(setup, [OWN[number] for number in company])
    stepped(alone(apart), 5)
    stepped(cohort_of(together), 5)
    assert_same(together[company.index(0)], apart)


def test_more_threads_are_alike(setup: Setups) -> None:
    torch.set_num_threads(2)
    try:
        together, apart = (build(setup, OWN[:2]) for _ in range(2))
        stepped(cohort_of(together), 5)
        for one, other in zip(together, apart, strict=True):
            stepped(alone(other), 5)
            assert_same(one, other)
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize("at", [1, 5])
@pytest.mark.parametrize("keeps", [False, True])
def test_a_member_that_diverges_changes_nobody(setup: Setups, at: int, keeps: bool) -> None:
    together, apart = ([setup(**own) for own in OWN] for _ in range(2))
    for parts in (together[1], apart[1]):
        poison(parts, at)
    members, others = ([member(parts) for parts in all_] for all_ in (together, apart))
    cohort = cohort_of(members)
    cohort.keeps_places = keeps
    found = train_many(members, cohort)
    assert [outcome.status == "diverged" for outcome in found] == [False, True, *[False] * 3]
    assert found[1].diverged_at == at
    assert [*map(repr, found)] == [*map(repr, trained_alone(others))]  # a NaN equals none
    for one, other in zip(members, others, strict=True):
        if one is not members[1]:
            assert_same(one, other)


class TestDropped:
    @pytest.mark.parametrize("keeps", [False, True])
    def test_those_left_go_on_as_alone(self, setup: Setups, keeps: bool) -> None:
        together, apart = (build(setup, OWN) for _ in range(2))
        cohort = cohort_of(together)
        cohort.keeps_places = keeps
        ends = {0: 7, 1: 3, 2: 7, 3: 5, 4: 2}
        for number in range(1, 8):
            cohort.step(number)
            cohort.drop([together[n] for n, end in ends.items() if end == number])
        for n, end in ends.items():
            stepped(alone(apart[n]), end)
            assert_same(together[n], apart[n])

    def test_one_that_is_gone_owns_its_tensors(self, setup: Setups) -> None:
        together = build(setup, OWN[:3])
        cohort = cohort_of(together)
        cohort.step(1)
        assert not owned(together[1])
        cohort.drop([together[1]])
        assert owned(together[1])

    def test_the_last_to_go_keep_their_slices_and_nothing_else(self, setup: Setups) -> None:
        together = build(setup, OWN[:2])
        cohort = cohort_of(together)
        cohort.step(1)
        step = weakref.ref(cohort.update)
        before = [p.data_ptr() for run in together for p in run.state.model.parameters()]
        cohort.drop(together)
        assert step() is None
        after = [p.data_ptr() for run in together for p in run.state.model.parameters()]
        assert after == before

    def test_places_are_given_up_at_once_or_by_halves(self, setup: Setups) -> None:
        for keeps, sizes in ((False, [4, 3, 2, 1]), (True, [5, 5, 2, 1])):
            together = build(setup, OWN)
            cohort = cohort_of(together)
            cohort.keeps_places = keeps
            found = []
            for run in together[:4]:
                cohort.drop([run])
                found.append(len(cohort.members))
            assert found == sizes

    def test_dropping_nobody_is_nothing(self, setup: Setups) -> None:
        cohort = cohort_of(build(setup, OWN[:2]))
        stacked = cohort.stacked
        cohort.drop([])
        assert cohort.stacked is stacked


class TestCheckpoints:
    @pytest.mark.parametrize("precision", ["fp32", "bf16"])
    def test_what_is_saved_in_a_cohort_goes_on_alone(
        self, setup: Setups, tmp_path: Path, precision: str
    ) -> None:
        together, apart, again = (
            build(setup, OWN[:3], **{"train.precision": precision}) for _ in range(3)
        )
        stepped(cohort_of(together), 6)
        for number, (one, other, whole) in enumerate(zip(together, again, apart, strict=True)):
            Checkpoints(tmp_path / str(number), run="a").save(one.state)
            assert Checkpoints(tmp_path / str(number), run="a").restore(other.state)
            stepped(alone(other), 11, first=7)
            stepped(alone(whole), 11)
            assert_same(other, whole)

    def test_what_is_saved_alone_goes_on_in_a_cohort(self, setup: Setups, tmp_path: Path) -> None:
        apart, again = (build(setup, OWN[:3]) for _ in range(2))
        for number, (one, other) in enumerate(zip(apart, again, strict=True)):
            stepped(alone(one), 6)
            Checkpoints(tmp_path / str(number), run="a").save(one.state)
            assert Checkpoints(tmp_path / str(number), run="a").restore(other.state)
            stepped(alone(one), 11, first=7)
        stepped(cohort_of(again), 11, first=7)
        for one, other in zip(apart, again, strict=True):
            assert_same(one, other)

    def test_they_are_equal_byte_for_byte(self, setup: Setups, tmp_path: Path) -> None:
        (apart,), together = build(setup, OWN[:1]), build(setup, OWN[:3])
        stepped(alone(apart), 4)
        stepped(cohort_of(together), 4)
        for name, run in (("alone", apart), ("together", together[0])):
            Checkpoints(tmp_path / name, run="a").save(run.state)
        one, other = ((tmp_path / n / "000000004.safetensors") for n in ("alone", "together"))
        assert one.read_bytes() == other.read_bytes()


def test_a_micro_batch_without_a_scored_target_is_passed_over(setup: Setups) -> None:
    together, apart = (build(setup, OWN[:2], **{"train.micro_batch_size": 2}) for _ in range(2))
    for runs in (together, apart):
        _score_half(runs[1])
    stepped(cohort_of(together), 3)
    for one, other in zip(together, apart, strict=True):
        stepped(alone(other), 3)
        assert_same(one, other)


def test_clipping_is_torchs_for_each() -> None:
    generator = torch.Generator().manual_seed(0)
    gradients = [torch.randn(4, *s, generator=generator) for s in ((3, 5), (7,), (2, 2))]
    gradients[0][2] = torch.nan
    limits = torch.tensor([1.0, 1e6, 1.0, math.inf])
    apart = [[torch.zeros_like(g[k]) for g in gradients] for k in range(4)]
    expected = []
    for k, parameters in enumerate(apart):
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient[k].clone()
        expected.append(torch.nn.utils.clip_grad_norm_(parameters, limits[k].item()))
    found = clip_each(gradients, limits)
    torch.testing.assert_close(found, torch.stack(expected), rtol=0, atol=0, equal_nan=True)
    for k, parameters in enumerate(apart):
        for parameter, gradient in zip(parameters, gradients, strict=True):
            wanted = parameter.grad
            torch.testing.assert_close(gradient[k], wanted, rtol=0, atol=0, equal_nan=True)


def _score_half(run: Member) -> None:
    """Leave a member the targets of its first two rows."""
    batch = run.batches.batch

    def halved(step: int, *, part: slice | None = None) -> Batch:
        whole = batch(step)
        targets = whole.targets.clone()
        targets[2:] = IGNORED
        rows = part or slice(None)
        return Batch(whole.inputs[rows], targets[rows])

    run.batches.batch = halved


COMPILED = """
import sys
import torch
from functools import partial
from lab.cohort import timed_member
from lab.config.loading import load_run
from lab.model.stack import stack
from lab.train.cohort import Cohort

config = load_run(sys.argv[1])
torch.compile = partial(torch.compile, backend="aot_eager")
found = []
for compiled in (False, True):
    runs = [timed_member(config.replaced({"seed": seed}), None, threads=1) for seed in (0, 1)]
    cohort = Cohort(runs, stack=stack, compiled=compiled)
    for number in range(1, 4):
        cohort.step(number)
    found.append(torch.cat([torch.stack(run.state.pending) for run in runs]))
assert cohort.losses is not cohort._losses
torch.testing.assert_close(*found, rtol=1e-5, atol=0)
"""


def test_a_compiled_step_is_the_same_to_rounding(tiny_run: dict[str, Any], tmp_path: Path) -> None:
    """Apart from this process, whose checks of shapes dynamo does not follow."""
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(tiny_run))
    told = subprocess.run(
        [sys.executable, "-c", COMPILED, str(path)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
