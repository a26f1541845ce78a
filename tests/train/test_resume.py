"""A run that was killed, wherever and however often, is the run that was not."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from lab.train.checkpoint import Checkpoints
from tests.train.loops import Rows, Setup, run, weights

SCHEDULES: dict[str, dict[str, Any]] = {
    "constant": {"kind": "constant", "warmup_steps": 2},
    "linear": {"kind": "linear", "final_ratio": 0.1},
    "cosine": {"kind": "cosine", "warmup_steps": 3},
    "wsd": {"kind": "wsd", "warmup_steps": 2, "decay_steps": 4},
}


class Killed(BaseException):
    """Nothing in the lab catches this."""


@pytest.mark.parametrize("size", [None, 2], ids=["whole batches", "micro-batches"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_killed_equals_never_killed(
    setup, tmp_path: Path, schedule: str, precision: str, size: int | None
) -> None:
    changes = {
        "train.schedule": SCHEDULES[schedule],
        "train.precision": precision,
        "train.micro_batch_size": size,
    }
    check(setup, changes, tmp_path, kills=[2, 7, 11])


@pytest.mark.parametrize(
    "changes",
    [
        {"model.dropout": 0.2},
        {"model.dropout": 0.2, "train.micro_batch_size": 1},
        {"train.z_loss": 1e-3},
        {"train.clip_norm": None},
        {"train.optimizer": {"kind": "adamw", "lr": 3e-3, "betas": [0, 0.5], "weight_decay": 0.0}},
        {"model.tie_embeddings": False, "model.norm": {"kind": "rmsnorm"}},
    ],
    ids=["dropout", "dropout in micro-batches", "z-loss", "no clipping", "betas", "untied"],
)
def test_so_with_whatever_else_training_offers(
    setup, tmp_path: Path, changes: dict[str, Any]
) -> None:
    check(setup, changes, tmp_path, kills=[1, 4, 5, 8])


def test_every_step_is_one_at_which_it_may_be_killed(setup, tmp_path: Path) -> None:
    check(setup, {"model.dropout": 0.2}, tmp_path, kills=range(1, 12))


@pytest.mark.parametrize("stop_at", [1, 3, 4, 7, 11])
def test_stopped_equals_never_stopped(setup, tmp_path: Path, stop_at: int) -> None:
    whole = setup()
    expected, rows_expected = run(whole)
    checkpoints, rows = Checkpoints(tmp_path / "checkpoint", run="r"), Rows()
    first = setup()
    outcome, _ = run(first, rows, checkpoints=checkpoints, stop=lambda: first[0].step >= stop_at)
    assert outcome.status == "interrupted"
    assert outcome.step == stop_at
    second = setup()
    assert checkpoints.restore(second[0])
    assert second[0].step == stop_at
    outcome, _ = run(second, rows, checkpoints=checkpoints)
    assert torch.equal(weights(second[0]), weights(whole[0]))
    assert rows.rows == rows_expected.rows
    assert outcome == expected


def check(setup: Any, changes: dict[str, Any], folder: Path, *, kills: Sequence[int]) -> None:
    """Kill a run once at each of the steps, continue it to its end, and compare all that it left.

    Checkpoints stand between rows too; at most one interval of work is done again.
    """
    changes, every = {"evaluate.tokens": 200, **changes}, 3
    whole = setup(**changes)
    expected, rows_expected = run(whole)
    rows, parts = Rows(), None
    for kill in [*kills, None]:
        parts = setup(**changes, **{"train.checkpoint_every": every})
        checkpoints = Checkpoints(folder / "checkpoint", run="r")
        before = max(rows.rows, default=0)
        resumed = checkpoints.restore(parts[0])
        assert before - parts[0].step < every + 2 or not resumed
        rows.rows = {step: row for step, row in rows.rows.items() if step <= parts[0].step}
        if not resumed:
            rows.rows = {}
        if kill is None:
            outcome, _ = run(parts, rows, checkpoints=checkpoints)
            break
        with pytest.raises(Killed):
            run(parts, rows, checkpoints=checkpoints, stop=_killing(parts, kill))
    assert parts is not None
    assert outcome == expected
    assert rows.rows == rows_expected.rows
    left, right = parts[0].tensors(), whole[0].tensors()
    assert left.keys() == right.keys()
    assert all(torch.equal(left[name], right[name]) for name in left)


def _killing(parts: Setup, step: int) -> Any:
    """To be asked after every step whether to stop: dies after this one, before it is saved."""

    def stop() -> bool:
        if parts[0].step == step:
            raise Killed
        return False

    return stop
