"""The types of settings by their paths, over all members of every union."""

from types import NoneType

import pytest

from lab.config.fields import is_integer, is_number, number_paths, setting_paths, types_of
from lab.config.position import (
    AlibiPosition,
    LearnedPosition,
    LinearScaling,
    NoPosition,
    NoScaling,
    NtkScaling,
    RopePosition,
    SinusoidalPosition,
)
from lab.config.run import RunConfig

TYPES = {
    "model.n_layers": {int},
    "model.mlp.d_ff": {int, NoneType},
    "model.bias": {bool},
    "model.position.theta": {float},
    "model.position.kind": {str},
    "model.position": {
        AlibiPosition,
        LearnedPosition,
        NoPosition,
        RopePosition,
        SinusoidalPosition,
    },
    "model.position.scaling": {LinearScaling, NoScaling, NtkScaling},
    "model.position.scaling.factor": {float},
    "model.attention.n_kv_heads": {int},
    "model.attention.window": {int, NoneType},
    "model.norm_placement": {str},
    "model.logit_cap": {float, NoneType},
    "train.optimizer.lr": {float},
    "train.optimizer.betas": {tuple},
    "train.clip_norm": {float, NoneType},
    "train.precision": {str},
    "train.schedule.decay_steps": {int},
    "data.corpus.path": {str, tuple},
    "seed": {int},
}


@pytest.mark.parametrize("path", TYPES)
def test_types(path: str) -> None:
    assert types_of(RunConfig, path) == TYPES[path]


@pytest.mark.parametrize(
    "path", ["", ".", "x", "model.x", "model.n_layers.x", "model..bias", "train.optimizer.lr."]
)
def test_no_such_setting(path: str) -> None:
    assert types_of(RunConfig, path) == set()
    assert not is_number(RunConfig, path)


def test_whole_numbers() -> None:
    assert is_integer(RunConfig, "model.mlp.d_ff")
    assert is_integer(RunConfig, "model.attention.n_kv_heads")
    assert not is_integer(RunConfig, "model.position.scaling.factor")
    assert not is_integer(RunConfig, "model.dropout")
    assert not is_integer(RunConfig, "model.bias")


def test_paths() -> None:
    numbers, settings = number_paths(RunConfig), setting_paths(RunConfig)
    assert len(set(settings)) == len(settings)
    assert set(numbers) < set(settings)
    assert {"model.position.theta", "model.position.amplitude", "train.eval_every"} <= {*numbers}
    assert not {"model.bias", "train.optimizer.betas", "train.precision", "model"} & {*numbers}
    assert {"model.bias", "train.precision", "model.norm.kind"} <= {*settings}
    assert "model.position" not in settings
    assert all(is_number(RunConfig, path) for path in numbers)
    assert all(types_of(RunConfig, path) for path in settings)
