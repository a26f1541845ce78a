"""What is not finite is found where it first stood, is named, and is never saved."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lab.train.checkpoint import Checkpoints
from lab.train.precision import Working
from tests.train.loops import Rows, Setup, poison, run, weights

UNTIED: dict[str, Any] = {"model.tie_embeddings": False}
LOSS, GRADIENT = "the training loss is not finite", "the norm of the gradient is not finite"


def spoil(parts: Setup, at: int, do: Callable[[Setup], object]) -> None:
    """Do something to a run in the midst of step `at`."""
    batch = parts[1].batch

    def spoiled(step: int, *, part: slice | None = None):
        if step == at:
            with torch.no_grad():
                do(parts)
        return batch(step, part=part)

    parts[1].batch = spoiled


def unread_row(parts: Setup) -> torch.Tensor:
    """The embedding of a character that no batch reads; no weight decay reaches a row alone."""
    state, source, config = parts
    read = torch.cat([source.batch(n).inputs.flatten() for n in range(1, config.train.steps + 1)])
    embedding = state.model.embedding.weight
    (unread, *_) = sorted({*range(len(embedding))} - {*read.tolist()})
    return embedding[unread]


def test_nan_loss_is_found_with_its_step(setup) -> None:
    parts = setup(**{"train.log_every": 4})
    poison(parts, 7)
    outcome, rows = run(parts)
    assert (outcome.status, outcome.diverged_at, outcome.reason) == ("diverged", 7, LOSS)
    assert outcome.step == 8  # the row that found it
    assert "val/loss" not in rows.rows[8]


def test_a_rate_far_too_high(setup) -> None:
    outcome, _ = run(
        setup(**{"train.optimizer.lr": 1e38, "train.clip_norm": None, "train.log_every": 1})
    )
    assert outcome.status == "diverged"
    assert outcome.diverged_at is not None
    assert outcome.reason is not None


@pytest.mark.parametrize("log_every", [1, 4, 12])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_single_value_that_nothing_reads(setup, log_every: int, value: float) -> None:
    """The loss, the gradient and every other parameter stay finite; how often rows are logged
    changes nothing.
    """
    changes = {**UNTIED, "train.log_every": log_every, "train.eval_every": 12}
    parts, plain = setup(**changes), setup(**changes)
    row = unread_row(parts)
    spoil(parts, 5, lambda parts: row[3:4].fill_(value))
    outcome, rows = run(parts)
    assert outcome.status == "diverged"
    assert outcome.diverged_at == 5
    assert outcome.reason == "embedding.weight is not finite"
    _, expected = run(plain)
    last = rows.rows[outcome.step]
    assert last == {name: expected.rows[outcome.step][name] for name in last}
    assert all(map(math.isfinite, last.values()))
    assert "val/loss" not in last


@pytest.mark.parametrize(
    "changes",
    [{}, {"train.precision": "bf16"}, {"train.micro_batch_size": 1}, {"train.z_loss": 0.1}],
    ids=["plain", "bf16", "micro-batches", "z-loss"],
)
@pytest.mark.parametrize("kind", ["loss", "gradient", "parameter"])
def test_whatever_came_first_is_named(
    setup, changes: dict[str, Any], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where all else follows at the same step or the next."""
    parts = setup(**changes)
    model = parts[0].model
    weight = dict(model.named_parameters())["blocks.0.mlp.up_proj.weight"]
    match kind:
        case "loss":
            spoil(parts, 5, lambda parts: weight.fill_(math.nan))
            expected = LOSS
        case "gradient":
            collect = Working.collect

            def overflowing(working: Working) -> None:
                collect(working)
                weight.grad *= math.inf

            spoil(parts, 5, lambda parts: monkeypatch.setattr(Working, "collect", overflowing))
            expected = GRADIENT
        case _:

            @torch.no_grad()
            def overflow(*_: object) -> None:
                weight[0] = math.inf if parts[0].step == 4 else weight[0]

            parts[0].optimizer.register_step_post_hook(overflow)
            expected = "blocks.0.mlp.up_proj.weight is not finite"
    outcome, _ = run(parts)
    assert (outcome.status, outcome.diverged_at, outcome.reason) == ("diverged", 5, expected)


def test_a_z_loss_that_overflows_is_its_gradients(setup) -> None:
    """It is trained on and not reported, so the loss that is reported stays finite."""
    parts = setup(**{"train.z_loss": 1e38})
    outcome, _ = run(parts)
    assert (outcome.diverged_at, outcome.reason) == (1, GRADIENT)


def test_an_update_that_overflows_is_told_where_it_was_made(
    setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not at the step after, whose loss suffers."""
    parts = setup()
    monkeypatch.setattr(
        "lab.train.update.rate_factor",
        lambda schedule, step, *, steps: math.inf if step == 5 else 1,
    )
    outcome, _ = run(parts)
    assert (outcome.status, outcome.diverged_at) == ("diverged", 5)
    n = len(list(parts[0].model.parameters()))
    assert outcome.reason == f"embedding.weight and {n - 1} more are not finite"


@pytest.mark.parametrize("moment", ["exp_avg_sq", "exp_avg"])
def test_the_optimizers_moments_are_told_where_they_are_seen(setup, moment: str) -> None:
    """An infinite second moment freezes its parameter, and no loss shows it."""
    parts = setup(**{"train.log_every": 3, "train.eval_every": 12})
    weight = dict(parts[0].model.named_parameters())["final_norm.weight"]

    def freeze(parts: Setup) -> None:
        parts[0].optimizer.state[weight]["exp_avg_sq"].fill_(math.inf)
        if moment == "exp_avg":
            parts[0].optimizer.state[weight]["exp_avg"].fill_(math.inf)

    spoil(parts, 5, freeze)
    outcome, _ = run(parts)
    if moment == "exp_avg_sq":
        assert outcome.diverged_at == 6
        assert outcome.reason == "the optimizer's exp_avg_sq of final_norm.weight is not finite"
    else:
        assert (outcome.diverged_at, outcome.reason) == (5, "final_norm.weight is not finite")


def test_a_validation_loss(setup) -> None:
    parts = setup()
    model = parts[0].model

    def overflowing(module: torch.nn.Module, args: object, logits: torch.Tensor) -> torch.Tensor:
        return logits if module.training or parts[0].step < 8 else logits * math.inf

    model.register_forward_hook(overflowing)
    outcome, rows = run(parts)
    assert (outcome.status, outcome.step, outcome.diverged_at) == ("diverged", 8, 8)
    assert outcome.reason == "the validation loss is not finite"
    assert math.isnan(rows.rows[8]["val/loss"])


def test_a_model_that_starts_so(setup) -> None:
    parts = setup()
    with torch.no_grad():
        parts[0].model.embedding.weight[0, 0] = math.inf
    outcome, rows = run(parts)
    assert (outcome.status, outcome.step, outcome.diverged_at) == ("diverged", 0, 0)
    assert outcome.reason == "embedding.weight is not finite"
    assert rows.rows == {0: {"tokens": 0}}


def test_a_norm_that_overflows_is_no_divergence(setup, tmp_path: Path) -> None:
    """Huge values are values."""
    parts = setup(**UNTIED)
    unread_row(parts).data.fill_(1e30)
    checkpoints = Checkpoints(tmp_path / "checkpoint", run="r")
    outcome, _ = run(parts, checkpoints=checkpoints)
    assert outcome.status == "complete"
    assert sorted(file.stem for file in checkpoints.folder.glob("*.json")) == [
        "000000004",
        "000000008",
    ]


def test_no_checkpoint_after_it_and_a_resumed_run_finds_the_same(setup, tmp_path: Path) -> None:
    changes = {**UNTIED, "train.log_every": 12, "train.eval_every": 12, "train.checkpoint_every": 1}

    def spoiled() -> Setup:
        parts = setup(**changes)
        row = unread_row(parts)
        spoil(parts, 5, lambda parts: row[0:1].fill_(math.nan))
        return parts

    whole = spoiled()
    expected, rows_expected = run(whole)
    checkpoints, rows = Checkpoints(tmp_path / "checkpoint", run="r"), Rows()
    parts = spoiled()
    outcome, _ = run(parts, rows, checkpoints=checkpoints, stop=lambda: parts[0].step == 9)
    assert (outcome.status, outcome.step) == ("interrupted", 9)
    assert sorted(file.stem for file in checkpoints.folder.glob("*.json")) == [
        "000000003",
        "000000004",
    ]
    parts = spoiled()
    assert checkpoints.restore(parts[0])
    outcome, _ = run(parts, rows, checkpoints=checkpoints)
    assert (outcome, rows.rows) == (expected, rows_expected.rows)
    assert (outcome.diverged_at, outcome.step) == (5, 12)
    torch.testing.assert_close(weights(parts[0]), weights(whole[0]), rtol=0, atol=0, equal_nan=True)
