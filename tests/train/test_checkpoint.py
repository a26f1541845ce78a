"""Checkpoints: whole or absent, two kept, damage passed over."""

import logging
from pathlib import Path

import pytest
import torch
from torch import nn

from lab.train.checkpoint import Checkpoints
from lab.train.state import TrainState


def trained_state(steps: int) -> TrainState:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    state = TrainState(model, torch.optim.AdamW(model.parameters(), fused=True))
    for _ in range(steps):
        model(torch.ones(1, 3)).sum().backward()
        state.optimizer.step()
        state.optimizer.zero_grad()
        state.step += 1
    state.pending = [(torch.tensor(1.5), torch.tensor(2.5))]
    state.seconds, state.initial = {"train": 1.25}, {"val/loss": 3.5}
    return state


def equal(a: TrainState, b: TrainState) -> bool:
    left, right = a.tensors(), b.tensors()
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


def test_round_trip(tmp_path: Path) -> None:
    checkpoints, state = Checkpoints(tmp_path), trained_state(3)
    checkpoints.save(state)
    restored = trained_state(0)
    restored.pending = []
    assert checkpoints.restore(restored)
    assert equal(restored, state)
    assert (restored.step, restored.seconds, restored.initial) == (
        3,
        {"train": 1.25},
        {"val/loss": 3.5},
    )
    for left, right in zip(trained_state(4).pending, restored.pending, strict=True):
        assert torch.equal(torch.stack(left), torch.stack(right))


def test_two_are_kept(tmp_path: Path) -> None:
    checkpoints, state = Checkpoints(tmp_path), trained_state(1)
    for step in (1, 2, 10, 11):
        state.step = step
        checkpoints.save(state)
    assert sorted(f.name for f in tmp_path.iterdir()) == [
        f"{step:09d}.{kind}" for step in (10, 11) for kind in ("json", "safetensors")
    ]


@pytest.mark.parametrize("damage", ["cut", "flipped", "missing", "json"])
def test_a_damaged_one_is_passed_over(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints, state = Checkpoints(tmp_path), trained_state(2)
    for step in (5, 6):
        state.step = step
        checkpoints.save(state)
    newest = tmp_path / "000000006.safetensors"
    content = newest.read_bytes()
    match damage:
        case "cut":
            newest.write_bytes(content[:-3])
        case "flipped":
            newest.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        case "missing":
            newest.unlink()
        case "json":
            newest.with_suffix(".json").write_text("{")
    restored = trained_state(0)
    with caplog.at_level(logging.WARNING):
        assert checkpoints.restore(restored)
    assert restored.step == 5
    assert "000000006 is passed over" in caplog.text


def test_none_is_no_error(tmp_path: Path) -> None:
    assert not Checkpoints(tmp_path / "nowhere").restore(trained_state(0))
    Checkpoints(tmp_path / "nowhere").delete()


def test_another_shape_is_not_loaded(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(trained_state(1))
    model = nn.Linear(3, 5)
    assert not checkpoints.restore(TrainState(model, torch.optim.AdamW(model.parameters())))
