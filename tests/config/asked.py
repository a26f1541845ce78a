"""Small questions written to a file, and what loading them says."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lab.config.explain import explained
from lab.config.loading import load_sweep
from lab.config.model import ModelConfig
from lab.config.sweep import SweepConfig
from lab.config.yaml12 import dump_yaml
from lab.errors import ConfigError
from tests.model.configs import SHAPE

LR = "train.optimizer.lr"
THETA = "model.position.theta"
RATE: dict[str, Any] = {"low": 0.001, "high": 0.1, "log": True}
BASE: dict[str, Any] = {
    "data": {"corpus": {"kind": "python-docs"}},
    "model": {"n_layers": 2, "n_heads": 4, "d_model": 64, "max_seq_len": 64},
    "train": {"steps": 400, "batch_size": 16, "schedule": {"kind": "cosine", "warmup_steps": 40}},
}
ROPE: dict[str, Any] = {"model.position": {"kind": "rope"}}
LEARNED: dict[str, Any] = {"model.position": {"kind": "learned"}}
SINES: dict[str, Any] = {"model.position": {"kind": "sinusoidal"}}


def load(folder: Path, tune: dict[str, Any] | None, /, *overrides: str, **top: Any) -> SweepConfig:
    """A question from its file; `tune` searches the learning rate six times unless it says more."""
    raw: dict[str, Any] = {"question": "q?", "base": BASE, **top}
    if tune is not None:
        raw["tune"] = {"trials": 6, "space": {LR: RATE}, **tune}
        raw["tune"] = {key: value for key, value in raw["tune"].items() if value != "none"}
    path = folder / "q.yaml"
    path.write_text(dump_yaml(raw))
    return load_sweep(path, overrides=overrides)


def fault(folder: Path, tune: dict[str, Any] | None, /, *overrides: str, **top: Any) -> str:
    """What loading a question says is wrong with it; several faults on a line each."""
    with pytest.raises(ConfigError) as caught:
        load(folder, tune, *overrides, **top)
    text = str(caught.value)
    source = f"{folder / 'q.yaml'}"
    assert text.startswith(source)
    text = text.removeprefix(source).removeprefix(": ")
    head, _, rest = text.partition("\n")
    return "\n".join(line.strip() for line in rest.splitlines()) if " errors:" in head else text


def space_fault(folder: Path, space: Any, *overrides: str, **tune: Any) -> str:
    return fault(folder, {"space": space, **tune}, *overrides)


def refused_model(**choices: Any) -> str:
    """What is wrong with an architecture, in the one sentence that a user reads."""
    with pytest.raises(ValidationError) as caught:
        ModelConfig.parse({**SHAPE, **choices})
    (line,) = explained(caught.value, ModelConfig)
    return line
