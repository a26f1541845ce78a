"""Who may be trained with whom."""

from typing import Any

import pytest

from lab.config.run import RunConfig
from lab.config.shape import shape_of, stackable

RUN: dict[str, Any] = {
    "data": {"corpus": {"kind": "mqar"}},
    "model": {"n_layers": 1, "n_heads": 2, "d_model": 16, "max_seq_len": 32},
    "train": {"steps": 12, "batch_size": 4},
}


def config(**changes: Any) -> RunConfig:
    return RunConfig.parse(RUN).replaced(changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 7},
        {"init_stream": "twin"},
        {"train.optimizer.lr": 0.1},
        {"train.optimizer.weight_decay": 0.0, "train.optimizer.betas": [0, 0.5]},
        {"train.clip_norm": None},
        {"train.schedule": {"kind": "wsd", "decay_steps": 3}},
        {"tracking.wandb.mode": "disabled"},
    ],
)
def test_members_may_differ_in_what_is_their_own(changes: dict[str, Any]) -> None:
    assert shape_of(config(**changes)) == shape_of(config())


@pytest.mark.parametrize(
    "changes",
    [
        {"model.d_model": 32},
        {"model.norm": {"kind": "rmsnorm"}},
        {"model.norm.eps": 1e-6},
        {"model.logit_cap": 20.0},
        {"data.corpus.pairs": 3},
        {"train.steps": 13},
        {"train.batch_size": 8},
        {"train.micro_batch_size": 2},
        {"train.z_loss": 1e-4},
        {"train.precision": "bf16"},
        {"train.compile": True},
        {"train.activation_checkpointing": True},
        {"train.log_every": 3},
        {"train.eval_every": 6},
        {"train.checkpoint_every": 5},
        {"evaluate.tokens": 1000},
        {"device": "cpu"},
    ],
)
def test_members_share_all_else(changes: dict[str, Any]) -> None:
    assert shape_of(config(**changes)) != shape_of(config())


def test_every_part_of_training_is_shared_or_known_as_ones_own() -> None:
    own = {"optimizer", "schedule", "clip_norm"}
    shared = {
        "steps", "batch_size", "micro_batch_size", "z_loss", "precision", "compile",
        "activation_checkpointing", "log_every", "eval_every", "checkpoint_every",
    }  # fmt: skip
    assert {*config().train.dump()} == own | shared


def test_dropout_is_why_a_run_goes_alone() -> None:
    assert stackable(config()) is None
    why = stackable(config(**{"model.dropout": 0.1}))
    assert why is not None
    assert why.startswith("model.dropout=0.1 ")
