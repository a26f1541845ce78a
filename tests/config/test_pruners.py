"""Rungs: equal tokens for all, at evaluations that are made anyway, before the end."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from lab.config.pruners import Pruner, rung_step, rung_tokens
from lab.config.run import RunConfig
from tests.config.asked import BASE, fault

PRUNER: TypeAdapter[Pruner] = TypeAdapter(Pruner)
TOKENS = 16 * 64  # a step of the base

quick = settings(deadline=None, max_examples=150, database=None)


def pruner(kind: str, **raw: Any) -> Pruner:
    return PRUNER.validate_python({"kind": kind, **raw})


def run(**train: Any) -> RunConfig:
    return RunConfig.parse(
        {**BASE, "train": {"steps": 400, "batch_size": 16, "schedule": {"kind": "constant"},
                           **train}}
    )  # fmt: skip


def steps_of(one: Pruner | None, config: RunConfig) -> list[int]:
    return [tokens // config.tokens_per_step for tokens in rung_tokens(one, config)]


RUNGS: dict[str, tuple[Pruner | None, dict[str, Any], list[int]]] = {
    "none": (None, {}, []),
    "wilcoxon": (pruner("wilcoxon"), {}, []),
    "halving": (pruner("successive-halving"), {"steps": 600}, [60, 180]),
    "halving by two": (pruner("successive-halving", eta=2), {"steps": 600}, [60, 120, 300]),
    "halving late": (pruner("hyperband", min_steps=190), {"steps": 600}, [240]),
    "halving from 60": (pruner("hyperband", min_steps=60), {"steps": 600}, [60, 180]),
    "halving too late": (pruner("hyperband", min_steps=201), {"steps": 600}, []),
    "often": (pruner("hyperband"), {"steps": 81, "eval_every": 1}, [1, 3, 9, 27]),
    "quarters": (pruner("median"), {}, [80, 200, 320]),
    "every": (pruner("median", every=80), {}, [80, 160, 240, 320]),
    "every few": (pruner("threshold", upper=1.0, every=3), {"eval_every": 100}, [100, 200, 300]),
    "rarely": (pruner("median", every=400), {}, []),
    "one evaluation": (pruner("median"), {"eval_every": 400}, []),
    "two steps": (pruner("hyperband", eta=2), {"steps": 2}, [1]),
    "one step": (pruner("median"), {"steps": 1}, []),
}


@pytest.mark.parametrize("name", RUNGS)
def test_rungs(name: str) -> None:
    one, train, expected = RUNGS[name]
    assert steps_of(one, run(**train)) == expected


pruners = st.builds(
    lambda kind, eta, least: pruner(kind, eta=eta, min_steps=least),
    st.sampled_from(["successive-halving", "hyperband"]),
    st.integers(2, 5),
    st.none() | st.integers(1, 500),
) | st.builds(
    lambda kind, every: pruner(kind, every=every, **({"upper": 1.0} if kind[0] == "t" else {})),
    st.sampled_from(["median", "threshold"]),
    st.none() | st.integers(1, 500),
)


@quick
@given(
    one=pruners,
    steps=st.integers(1, 3000),
    every=st.none() | st.integers(1, 500),
    batch=st.integers(1, 9),
)
def test_rungs_ascend_at_evaluations_before_the_end(
    one: Pruner, steps: int, every: int | None, batch: int
) -> None:
    config = run(steps=steps, eval_every=every, batch_size=batch)
    rungs = rung_tokens(one, config)
    assert all(a < b for a, b in pairwise(rungs))
    for tokens in rungs:
        step = rung_step(config, tokens)
        assert step is not None
        assert 0 < step < steps
        assert step % config.train.eval_interval == 0
        assert step * config.tokens_per_step == tokens
        assert step >= (getattr(one, "min_steps", None) or 1)


@quick
@given(
    one=pruners,
    steps=st.integers(20, 2000),
    every=st.integers(1, 50),
    scale=st.sampled_from([2, 4]),
)
def test_runs_of_other_batches_meet_at_equal_tokens(
    one: Pruner, steps: int, every: int, scale: int
) -> None:
    base = run(steps=steps, batch_size=4, eval_every=every)
    small = run(steps=steps * scale, batch_size=4 // scale, eval_every=every)
    large = run(steps=steps, batch_size=4 * scale, eval_every=every)
    for tokens in rung_tokens(one, base):
        step = rung_step(small, tokens)
        assert step is not None
        assert step * small.tokens_per_step == tokens
        if tokens % large.tokens_per_step or tokens // large.tokens_per_step % every:
            with pytest.raises(ValueError, match="trials are judged at"):
                rung_step(large, tokens)
        else:
            assert rung_step(large, tokens) == tokens // large.tokens_per_step


@quick
@given(eta=st.integers(2, 5), steps=st.integers(50, 3000))
def test_a_rung_has_eta_times_the_steps_of_the_one_before(eta: int, steps: int) -> None:
    config = run(steps=steps, eval_every=1)
    rungs = steps_of(pruner("successive-halving", eta=eta), config)
    assume(rungs)
    assert abs(rungs[-1] - steps / eta) <= 0.5
    assert rungs[0] <= eta
    for a, b in pairwise(rungs):
        assert abs(b - eta * a) <= (eta + 1) / 2


def test_a_run_that_has_ended_is_not_judged() -> None:
    short = run(steps=100)
    assert rung_step(short, 100 * TOKENS) is None
    assert rung_step(short, 200 * TOKENS + 1) is None
    assert rung_step(short, 90 * TOKENS) == 90


def test_where_a_run_makes_no_evaluation_is_a_sentence() -> None:
    with pytest.raises(ValueError) as caught:
        rung_step(run(batch_size=12), 80 * TOKENS)
    assert str(caught.value) == (
        "trials are judged at 81,920 tokens, where a run of 768 tokens a step that evaluates every "
        "40 steps does not; set train.eval_every, or fix what changes the tokens a step"
    )


FIELDS: dict[str, tuple[Any, str]] = {
    "kind": (
        {"kind": "halving"},
        ": unknown kind 'halving'; did you mean 'successive-halving'?",
    ),
    "word": ("median", ": must be a mapping of keys to values; got 'median'"),
    "eta": (
        {"kind": "hyperband", "eta": 1},
        ".eta: input should be greater than or equal to 2; got 1",
    ),
    "every": (
        {"kind": "median", "every": 0},
        ".every: input should be greater than or equal to 1; got 0",
    ),
    "another's key": (
        {"kind": "wilcoxon", "eta": 3},
        ".eta: unknown key; valid: kind, p",
    ),
    "level": ({"kind": "wilcoxon", "p": 0.5}, ".p: input should be less than 0.5; got 0.5"),
    "no bounds": ({"kind": "threshold"}, ": give lower, upper or both"),
    "bounds": (
        {"kind": "threshold", "lower": 3, "upper": 2},
        ": lower=3 must lie below upper=2",
    ),
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_wrong_pruner_is_a_sentence(name: str, tmp_path: Path) -> None:
    raw, expected = FIELDS[name]
    assert fault(tmp_path, {"pruner": raw}) == f"tune.pruner{expected}"
