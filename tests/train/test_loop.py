"""The training loop: resumable to the byte, honest about divergence, equal to a plain loop."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from lab.batch import Batch
from lab.train.checkpoint import Checkpoints
from lab.train.padding import padded
from lab.train.schedule import rate_factor
from tests.train.loops import Rows, poison, run, weights


def test_rows_stand_where_the_intervals_say(setup) -> None:
    outcome, rows = run(setup())
    assert outcome.status == "complete"
    assert outcome.step == 12
    assert list(rows.rows) == [0, 2, 4, 6, 8, 10, 12]
    assert [step for step, row in rows.rows.items() if "val/loss" in row] == [0, 4, 8, 12]
    assert rows.rows[6].keys() == {"tokens", "train/loss", "train/grad_norm", "train/lr"}
    assert rows.rows[12]["tokens"] == 12 * 4 * 16
    assert outcome.metrics["val/loss"] < outcome.initial["val/loss"]


def test_equals_a_plain_loop(setup) -> None:
    """The same batches through torch's own AdamW, one line after the other."""
    parts = setup(**{"train.clip_norm": 0.5, "train.optimizer.weight_decay": 0.3})
    _, rows = run(parts)
    reference, source, config = setup()
    model = reference.model
    decayed = [p for p in model.parameters() if p.ndim == 2]
    others = [p for p in model.parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.3}, {"params": others, "weight_decay": 0.0}],
        betas=config.train.optimizer.betas,
    )
    losses = []
    for step in range(1, 13):
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * rate_factor(config.train.schedule, step, steps=12)
        batch = source.batch(step)
        logits = model(batch.inputs).flatten(0, 1)
        loss = nn.functional.cross_entropy(logits, batch.targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        losses.append(loss.item())
    torch.testing.assert_close(weights(parts[0]), weights(reference), rtol=1e-5, atol=1e-6)
    assert math.isclose(rows.rows[2]["train/loss"], sum(losses[:2]) / 2, rel_tol=1e-6)


class Unequal:
    """One batch of padded rows, over and over."""

    def __init__(self) -> None:
        rows = [[1, 2, 3, 4, 5, 6, 7], [8, 9], [1, 3, 5], [2, 4]]
        self.whole = padded(rows)

    def batch(self, step: int, *, part: slice) -> Batch:
        return Batch(self.whole.inputs[part], self.whole.targets[part])

    def evaluation(self, split: str) -> Iterator[Batch]:
        yield self.whole


def test_scored_tokens_weigh_the_same_in_whatever_micro_batch(setup) -> None:
    found = []
    for size in (4, 2, 1):
        state, _, config = setup(
            **{"train.micro_batch_size": size, "train.optimizer.lr": 1e-4, "model.init_std": 0.2}
        )
        _, rows = run((state, Unequal(), config))
        found.append((weights(state), rows.rows[12]["train/loss"]))
    for values, loss in found[1:]:
        torch.testing.assert_close(values, found[0][0], rtol=1e-4, atol=1e-6)
        assert math.isclose(loss, found[0][1], rel_tol=1e-5)


def test_z_loss_is_trained_on_but_not_reported(setup) -> None:
    state, source, config = setup(**{"train.z_loss": 0.5, "train.log_every": 1})
    batch = source.batch(1)
    logits = state.model(batch.inputs)
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten())
    (loss + 0.5 * logits.logsumexp(-1).square().mean()).backward()
    norm = nn.utils.clip_grad_norm_(state.model.parameters(), math.inf)
    state.model.zero_grad()
    _, rows = run((state, source, config))
    assert math.isclose(rows.rows[1]["train/grad_norm"], norm.item(), rel_tol=1e-5)
    assert math.isclose(rows.rows[1]["train/loss"], loss.item(), rel_tol=1e-6)


def test_micro_batches_add_up_to_the_batch(setup) -> None:
    whole, parts = (
        setup(**{"train.micro_batch_size": size, "train.optimizer.lr": 1e-4}) for size in (4, 1)
    )
    _, rows_whole = run(whole)
    _, rows_parts = run(parts)
    torch.testing.assert_close(weights(whole[0]), weights(parts[0]), rtol=0, atol=1e-6)
    for step, row in rows_whole.rows.items():
        assert rows_parts.rows[step] == pytest.approx(row, rel=1e-4)


class TestUntil:
    def test_paused_equals_never_paused(self, setup, tmp_path: Path) -> None:
        whole = setup(**{"model.dropout": 0.2})
        expected, rows_expected = run(whole)
        checkpoints, rows, ends = Checkpoints(tmp_path / "checkpoint", run="r"), Rows(), []
        for until in (4, 8, None):
            parts = setup(**{"model.dropout": 0.2})
            checkpoints.restore(parts[0])
            outcome, _ = run(parts, rows, checkpoints=checkpoints, until=until)
            ends.append((outcome.status, outcome.step))
        assert ends == [("paused", 4), ("paused", 8), ("complete", 12)]
        assert rows.rows == rows_expected.rows
        assert torch.equal(weights(parts[0]), weights(whole[0]))
        assert outcome == expected

    def test_the_state_is_saved_where_it_pauses(self, setup, tmp_path: Path) -> None:
        checkpoints = Checkpoints(tmp_path / "checkpoint", run="r")
        run(setup(**{"train.checkpoint_every": 3}), checkpoints=checkpoints, until=8)
        assert sorted(f.stem for f in checkpoints.folder.glob("*.json")) == [
            "000000006",
            "000000008",
        ]

    @pytest.mark.parametrize("until", [4, 8])
    def test_at_or_beyond_it_there_is_nothing_to_do(
        self, setup, tmp_path: Path, until: int
    ) -> None:
        checkpoints = Checkpoints(tmp_path / "checkpoint", run="r")
        run(setup(), checkpoints=checkpoints, until=8)
        parts = setup()
        checkpoints.restore(parts[0])
        outcome, rows = run(parts, checkpoints=checkpoints, until=until)
        assert (outcome.status, outcome.step) == ("paused", 8)
        assert outcome.initial.keys() == {"val/loss", "val/perplexity", "val/bpb"}
        assert rows.rows == {}

    @pytest.mark.parametrize("until", [12, 13, 1000, None])
    def test_the_end_or_later_is_the_end(self, setup, until: int | None) -> None:
        outcome, _ = run(setup(), until=until)
        assert (outcome.status, outcome.step) == ("complete", 12)

    @pytest.mark.parametrize("until", [-4, 0, 1, 6, 11])
    def test_only_where_it_evaluates_anyway(self, setup, until: int) -> None:
        parts = setup()
        with pytest.raises(ValueError, match=f"until={until} is not .*; pause at a multiple of 4"):
            run(parts, until=until)
        assert parts[0].step == 0

    def test_a_pause_needs_no_checkpoints(self, setup) -> None:
        outcome, rows = run(setup(), until=4)
        assert (outcome.status, outcome.step) == ("paused", 4)
        assert outcome.metrics == rows.rows[4]

    @pytest.mark.parametrize(("stop_at", "expected"), [(7, ("interrupted", 7)), (8, ("paused", 8))])
    def test_a_stop_before_it_is_an_interruption(
        self, setup, tmp_path: Path, stop_at: int, expected: tuple[str, int]
    ) -> None:
        parts, checkpoints = setup(), Checkpoints(tmp_path / "checkpoint", run="r")
        outcome, _ = run(
            parts, checkpoints=checkpoints, until=8, stop=lambda: parts[0].step >= stop_at
        )
        assert (outcome.status, outcome.step) == expected
        assert checkpoints.restore(setup()[0])

    @pytest.mark.parametrize("at", [3, 4])
    def test_a_nan_before_it_is_divergence(self, setup, tmp_path: Path, at: int) -> None:
        checkpoints = Checkpoints(tmp_path / "checkpoint", run="r")
        parts = setup(**{"train.log_every": 12})
        poison(parts, at)
        outcome, _ = run(parts, checkpoints=checkpoints, until=4)
        assert (outcome.status, outcome.diverged_at) == ("diverged", at)
        assert not checkpoints.restore(setup()[0])


def test_recording_changes_no_parameter(setup) -> None:
    often = setup(**{"train.log_every": 1, "train.eval_every": 1, "model.dropout": 0.1})
    rarely = setup(**{"train.log_every": 12, "train.eval_every": 12, "model.dropout": 0.1})
    run(often)
    run(rarely)
    assert torch.equal(weights(often[0]), weights(rarely[0]))


def test_an_empty_evaluation_interval_means_ten(setup) -> None:
    _, rows = run(setup(**{"train.steps": 20, "train.eval_every": None, "train.log_every": 20}))
    assert list(rows.rows) == [*range(0, 21, 2)]
