"""Checkpoints of a small state, and what is asked of them."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lab.config.digest import digest
from lab.train.checkpoint import Checkpoints
from lab.train.finite import vitals
from lab.train.state import TrainState

NEWEST = "000000006"


def trained_state(steps: int) -> TrainState:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    state = TrainState(model, torch.optim.AdamW(model.parameters(), fused=True))
    for _ in range(steps):
        model(torch.ones(1, 3)).sum().backward()
        state.optimizer.step()
        state.optimizer.zero_grad()
        state.step += 1
    values = [parameter.detach() for parameter in model.parameters()]
    state.pending = [vitals(torch.tensor(1.5), torch.tensor(2.5), values)]
    state.seconds, state.initial = {"train": 1.25}, {"val/loss": 3.5}
    return state


def equal(a: TrainState, b: TrainState) -> bool:
    left, right = a.tensors(), b.tensors()
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


def two(folder: Path, **options: Any) -> TrainState:
    """Checkpoints of steps 5 and 6."""
    checkpoints, state = Checkpoints(folder, run="r", **options), trained_state(2)
    for step in (5, int(NEWEST)):
        state.step = step
        checkpoints.save(state)
    return state


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def files(*steps: int) -> list[str]:
    return [f"{step:09d}.{kind}" for step in steps for kind in ("json", "safetensors")]


def sealed(file: Path, **changes: Any) -> None:
    """Rewrite a checkpoint's JSON with other facts and a hash that fits them."""
    facts = json.loads(file.read_text()) | changes
    del facts["seal"]
    file.write_text(json.dumps(facts | {"seal": digest(facts)}))
