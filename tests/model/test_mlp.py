"""Networks against their formulas."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from lab.model.mlp import build_mlp, squared_relu
from tests.model.configs import config_of, scrambled


def gelu(x: Tensor) -> Tensor:
    return x * (1 + torch.erf(x / math.sqrt(2))) / 2


def gelu_tanh(x: Tensor) -> Tensor:
    return x / 2 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


FORMULAS: dict[str, tuple[dict[str, Any], Any]] = {
    "gelu": ({"kind": "gelu"}, gelu),
    "gelu-tanh": ({"kind": "gelu", "approximate": "tanh"}, gelu_tanh),
    "relu": ({"kind": "relu", "d_ff": 20}, lambda x: x * (x > 0)),
    "relu2": ({"kind": "relu2"}, lambda x: x * x * (x > 0)),
    "swiglu": ({"kind": "swiglu"}, lambda x: x / (1 + torch.exp(-x))),
    "geglu": ({"kind": "geglu"}, gelu),
    "geglu-tanh": ({"kind": "geglu", "approximate": "tanh", "d_ff": 7}, gelu_tanh),
}


@torch.no_grad()
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", FORMULAS)
def test_equals_its_formula(name: str, bias: bool) -> None:
    choice, activation = FORMULAS[name]
    config = config_of(mlp=choice, bias=bias)
    mlp = build_mlp(config, scale=1.0)
    assert mlp is not None
    parameters = dict(scrambled(mlp, by=1.0).named_parameters())
    assert len(parameters) == 2 * (1 + bias)
    x = torch.randn(3, 4, 32, dtype=torch.float64)

    def through(name: str, x: Tensor) -> Tensor:
        return x @ parameters[f"{name}.weight"].T + parameters.get(f"{name}.bias", 0.0)

    if choice["kind"] in ("swiglu", "geglu"):
        gate, up = through("gate_up_proj", x).split(config.d_ff, dim=-1)  # in this order
        hidden = activation(gate) * up
    else:
        hidden = activation(through("up_proj", x))
    assert hidden.shape[-1] == config.d_ff
    torch.testing.assert_close(mlp(x), through("down_proj", hidden), rtol=1e-12, atol=1e-12)


def test_none_is_none() -> None:
    assert build_mlp(config_of(mlp={"kind": "none"}), scale=1.0) is None


def test_the_square_of_relu_is_smooth_at_zero() -> None:
    x = torch.tensor([-1.0, 0.0, 2.0], requires_grad=True)
    squared_relu(x).sum().backward()
    assert squared_relu(x).tolist() == [0, 0, 4]
    assert x.grad is not None
    assert x.grad.tolist() == [0, 0, 4]
