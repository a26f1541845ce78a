"""Why settings cannot be tried, before any run is trained."""

from typing import Any

import pytest

from lab.config.space import Settings
from lab.config.sweep import SweepConfig
from lab.sweep.feasible import Feasibility
from lab.sweep.space import explore

BASE: dict[str, Any] = {
    "data": {"corpus": {"kind": "python-docs"}},
    "model": {"n_layers": 2, "n_heads": 4, "d_model": 64, "max_seq_len": 64},
    "train": {"steps": 400, "batch_size": 16, "schedule": {"kind": "constant"}},
}
SPACE: dict[str, Any] = {
    "train.optimizer.lr": {"low": 1e-3, "high": 1e-1, "log": True},
    "model.n_layers": {"low": 1, "high": 4},
    "model.d_model": [48, 64, 96],
    "model.n_heads": [3, 4],
    "position": {
        "rope": {"model.position": {"kind": "rope"}},
        "learned": {"model.position": {"kind": "learned"}},
    },
    "model.position.theta": {"low": 100, "high": 1000, "when": {"position": "rope"}},
    "train.batch_size": [8, 12, 16],
}


def against(variant: str = "base", **tune: Any) -> Feasibility:
    raw: dict[str, Any] = {
        "question": "q?",
        "base": BASE,
        "tune": {"trials": 6, "space": SPACE, **tune},
    }
    if variant != "base":
        raw["variants"] = {"base": {}, "wide": {"model.mlp": {"kind": "gelu", "d_ff": 4096}}}
    return Feasibility(SweepConfig.parse(raw), variant, 100)


def n_params(**settings: Any) -> int:
    return against().question.variant("base", settings).model.n_params(100)


def test_what_can_be_tried() -> None:
    assert against()({}) is None
    assert against()({"model.n_layers": 4, "position": "rope", "model.position.theta": 1.5}) is None


def test_a_run_that_is_none() -> None:
    assert against()({"model.d_model": 64, "model.n_heads": 3}) == (
        "model: d_model=64 is not a multiple of n_heads=3; try 63 or 66"
    )
    assert against()({"position": "learned", "model.position.theta": 500.0}) == (
        "model.position.theta: unknown key; valid: kind"
    )


def test_a_run_that_does_not_come_by_the_rungs() -> None:
    judged = against(pruner={"kind": "median"})
    assert judged({"train.batch_size": 8}) is None
    assert str(judged({"train.batch_size": 12})).startswith(
        "trials are judged at 81,920 tokens, where a run of 768 tokens a step"
    )
    assert against()({"train.batch_size": 12}) is None
    assert against(pruner={"kind": "wilcoxon"}, seeds=5)({"train.batch_size": 12}) is None


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_a_constraint_on_the_parameters(layers: int) -> None:
    count = n_params(**{"model.n_layers": layers})
    settings: Settings = {"model.n_layers": layers}
    for text, kept in (
        (f"model.n_params <= {count}", True),
        (f"model.n_params < {count}", False),
        (f"model.n_params < {count + 1}", True),
        (f"model.n_params >= {count}", True),
        (f"model.n_params > {count}", False),
    ):
        reason = against(constraints=[text])(settings)
        assert (reason is None) == kept
        if not kept:
            assert reason == f"model.n_params = {count:,} breaks {text}"


def test_the_first_constraint_that_is_broken_is_named() -> None:
    both = against(constraints=["train.steps < 1_000", "model.n_layers <= 2", "model.d_model < 64"])
    assert both({"model.n_layers": 3, "model.d_model": 96}) == (
        "model.n_layers = 3 breaks model.n_layers <= 2"
    )
    assert both({"model.d_model": 96}) == "model.d_model = 96 breaks model.d_model < 64"
    assert both({"model.d_model": 48}) is None


def test_what_only_some_choices_have_binds_them_only() -> None:
    bound = against(constraints=["model.position.theta < 500", "train.clip_norm <= 1"])
    assert bound({"position": "learned"}) is None
    assert bound({"position": "rope", "model.position.theta": 300.0}) is None
    assert bound({"position": "rope"}) == (
        "model.position.theta = 10,000 breaks model.position.theta < 500"
    )


def test_each_variant_is_judged_as_itself() -> None:
    constraints = ["model.d_ff <= 1_024"]
    assert against(constraints=constraints)({}) is None
    assert against("wide", constraints=constraints)({}) == (
        "model.d_ff = 4,096 breaks model.d_ff <= 1_024"
    )


def test_every_point_of_a_list_can_be_tried() -> None:
    bound = against(constraints=["model.n_params < 100_000"], pruner={"kind": "median"})
    tune = bound.question.tune
    assert tune is not None
    points, skipped = explore(tune, seed=0, against=bound)
    assert len(points) == tune.n_explore
    assert all(bound(point) is None for point in points)
    assert skipped
    assert all(bound(point) == reason for point, reason in skipped)
