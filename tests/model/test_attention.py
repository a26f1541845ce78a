"""Attention against its formula, written out head by head."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from lab.config.model import ModelConfig
from lab.model.attention import Attention
from lab.model.context import Context, plain_context
from lab.model.position import build_position
from tests.model.configs import ATTENTIONS, POSITIONS, config_of, scrambled

T = 7


def attention_of(config: ModelConfig) -> Attention:
    return scrambled(Attention(config, layer=0, scale=1.0))


def context_of(config: ModelConfig, length: int = T) -> Context:
    position = build_position(config).double()
    window = config.attention.window
    return plain_context(position, length, window=window, device=torch.device("cpu"))


def normalised(x: Tensor, weight: Tensor, kind: str, eps: float) -> Tensor:
    x = x - x.mean() if kind == "layernorm" else x
    return x / (x.square().mean() + eps).sqrt() * weight


def written_out(attention: Attention, x: Tensor, config: ModelConfig) -> Tensor:
    """One query, one head, one key at a time; positions are none or ALiBi."""
    h, g, k = config.n_heads, config.n_kv_heads, config.head_dim
    q, keys, v = attention.qkv_proj(x).split([h * k, g * k, g * k], dim=-1)
    found = torch.zeros_like(x)
    for head in range(h):
        group = head // (h // g)
        for now in range(len(x)):
            begin = max(0, now + 1 - (config.attention.window or len(x)))
            scores = []
            for then in range(begin, now + 1):
                one = q[now, head * k : (head + 1) * k]
                two = keys[then, group * k : (group + 1) * k]
                if attention.q_norm is not None and attention.k_norm is not None:
                    kind, eps = config.norm.kind, config.norm.eps
                    one = normalised(one, attention.q_norm.weight, kind, eps)
                    two = normalised(two, attention.k_norm.weight, kind, eps)
                score = one @ two / math.sqrt(k)
                if config.position.kind == "alibi":
                    score = score - 2.0 ** (-8 * (head + 1) / h) * (now - then)
                scores.append(score)
            weights = torch.stack(scores).softmax(0)
            values = v[begin : now + 1, group * k : (group + 1) * k]
            found[now, head * k : (head + 1) * k] = weights @ values
    return attention.o_proj(found)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@torch.no_grad()
@pytest.mark.parametrize("position", ["none", "alibi"])
@pytest.mark.parametrize("norm", ["layernorm", "rmsnorm"])
@pytest.mark.parametrize("name", ATTENTIONS)
def test_equals_its_formula(name: str, norm: str, position: str) -> None:
    config = config_of(attention=ATTENTIONS[name], norm={"kind": norm}, position={"kind": position})
    attention = attention_of(config)
    x = torch.randn(T, config.d_model, dtype=torch.float64)
    found = attention(x, context_of(config))
    torch.testing.assert_close(found, written_out(attention, x, config), rtol=0, atol=1e-12)


@torch.no_grad()
@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("name", ATTENTIONS)
def test_weights_are_those_that_forward_uses(name: str, position: str) -> None:
    config = config_of(attention=ATTENTIONS[name], position=POSITIONS[position])
    attention, context = attention_of(config), context_of(config)
    x = torch.randn(2, T, config.d_model, dtype=torch.float64)
    weights = attention.weights(x, context)
    kv = config.n_kv_heads * config.head_dim
    v = attention.qkv_proj(x)[..., -kv:].unflatten(-1, (config.n_kv_heads, -1)).transpose(1, 2)
    y = weights @ v.repeat_interleave(config.n_heads // config.n_kv_heads, dim=1)
    expected = attention.o_proj(y.transpose(1, 2).flatten(-2))
    torch.testing.assert_close(attention(x, context), expected, rtol=0, atol=1e-12)


@torch.no_grad()
def test_groups_are_repeated_heads() -> None:
    """Grouped queries are multi-head attention whose keys and values stand in several heads."""
    shared = config_of(attention={"kind": "grouped-query", "n_kv_heads": 2}, bias=True)
    few, many = attention_of(shared), attention_of(config_of(bias=True))
    q, k, v = few.qkv_proj.weight.split([32, 16, 16])
    q_bias, k_bias, v_bias = few.qkv_proj.bias.split([32, 16, 16])

    def twice(rows: Tensor) -> Tensor:
        return rows.unflatten(0, (2, 8)).repeat_interleave(2, dim=0).flatten(0, 1)

    many.qkv_proj.weight.copy_(torch.cat([q, twice(k), twice(v)]))
    many.qkv_proj.bias.copy_(torch.cat([q_bias, twice(k_bias), twice(v_bias)]))
    many.o_proj.load_state_dict(few.o_proj.state_dict())
    x, context = torch.randn(2, T, 32, dtype=torch.float64), context_of(shared)
    torch.testing.assert_close(few(x, context), many(x, context), rtol=0, atol=1e-12)


@torch.no_grad()
@pytest.mark.parametrize("path", ["sdpa", "plain"])
def test_dropout_falls_on_weights_in_training(path: str) -> None:
    """Those that stay are scaled up, so that the mean stays."""
    config = config_of(attention={"kind": "multi-head", "path": path}, dropout=0.5)
    attention, context = attention_of(config), context_of(config)
    x = torch.randn(1, T, 32, dtype=torch.float64)
    still = attention(x, context)
    attention.train()
    many = attention(x.expand(4000, T, 32), context)
    first = attention.o_proj.weight @ attention.qkv_proj(x)[0, 0, -32:].reshape(4, 8).flatten()
    lost = (many[:, 0].abs().max(-1).values < 1e-12).double().mean()  # in all four heads
    torch.testing.assert_close(lost.item(), 0.5**4, rtol=0, atol=0.02)
    torch.testing.assert_close(many.mean(0), still[0], rtol=0, atol=0.2 * still.abs().max().item())
    torch.testing.assert_close(still[0, 0], first, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ATTENTIONS)
def test_lower_precision_is_near(name: str, dtype: torch.dtype) -> None:
    config = config_of(attention=ATTENTIONS[name], position={"kind": "rope"})
    attention, context = attention_of(config), context_of(config)
    x = torch.randn(2, T, 32, dtype=torch.float64)
    found = attention.to(dtype)(x.to(dtype), context)
    expected: Any = attention.double()(x, context)
    torch.testing.assert_close(found.double(), expected, rtol=0.1, atol=0.1)
