"""What is certified: a config's model at its full size without memory, and a small copy of it.

Design choices:
- counts are those of the full size, built on the meta device, where a tensor has a shape and
  nothing else: the largest model costs no more than the smallest;
- behaviour is that of a copy with every kind and option kept and every size reduced, in float64,
  where rounding is 1e-16 and an effect is nothing like it; a model too narrow to show an effect
  (a LayerNorm of two numbers leaves a sign) has a wider copy;
- its parameters are all drawn anew, biases and norm weights too: initial values (0, 1, tiny) hide
  what a parameter does;
- numbers that would hide an effect by their size alone (an amplitude, a cap, a rate of dropout, a
  scaling factor) have a plain value in the copy; positions are checked at the full size as well.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from lab.config.model import ModelConfig
from lab.model.gpt import GPT
from lab.model.outline import outlined
from lab.model.position import PositionEncoding

Build = Callable[[ModelConfig, int], GPT]

LENGTH = 12
HEAD_DIM = 8
VOCAB = 29
ROWS = 3


@dataclass(frozen=True)
class Subject:
    """A config with its vocabulary, and who builds its model."""

    config: ModelConfig
    vocab_size: int
    build: Build

    @cached_property
    def full(self) -> GPT:
        """At the full size, on the meta device."""
        with outlined():
            return self.build(self.config, self.vocab_size).eval()

    @cached_property
    def full_position(self) -> PositionEncoding:
        """The position encoding of the full size, its fixed tables with their numbers."""
        position = copy.deepcopy(self.full.position)
        position._apply(_with_memory)  # type: ignore[no-untyped-call]
        return position.double()

    @cached_property
    def small_config(self) -> ModelConfig:
        return reduced(self.config)

    @cached_property
    def small(self) -> GPT:
        return _drawn(self.build(self.small_config, VOCAB))

    def changed(self, changes: Mapping[str, Any]) -> GPT:
        """The small copy with settings changed, its parameters drawn anew."""
        return _drawn(self.build(self.small_config.replaced(changes), VOCAB))

    def same(self, changes: Mapping[str, Any]) -> GPT:
        """The small copy with settings changed that leave it its parameters."""
        model = self.changed(changes)
        model.load_state_dict(self.small.state_dict())
        return model

    @cached_property
    def ids(self) -> Tensor:
        """Three texts (3, T); all tokens of a text differ."""
        generator = torch.Generator().manual_seed(0)
        return torch.stack(
            [torch.randperm(VOCAB, generator=generator)[:LENGTH] for _ in range(ROWS)]
        )

    @cached_property
    def logits(self) -> Tensor:
        """What the small copy says of the texts: (3, T, V)."""
        logits: Tensor = self.small(self.ids)
        return logits


def _with_memory(outline: Tensor) -> Tensor:
    """As `to_empty` would, which for a tensor of the meta device imports half a second's worth."""
    return torch.empty(outline.shape, dtype=outline.dtype)


def reduced(config: ModelConfig) -> ModelConfig:
    """The same kinds and options at a size that computes in milliseconds."""
    n_heads, n_kv_heads = _heads(config)
    raw = config.dump()
    raw |= {
        "n_layers": min(config.n_layers, 2),
        "n_heads": n_heads,
        "d_model": n_heads * HEAD_DIM,
        "max_seq_len": LENGTH,
        "dropout": 0.5 if config.dropout else 0.0,
        "logit_cap": None if config.logit_cap is None else 2.0,
    }
    position, mlp, attention = raw["position"], raw["mlp"], raw["attention"]
    if mlp.get("d_ff") is not None:
        mlp["d_ff"] = 20
    if attention["window"] is not None:
        attention["window"] = min(attention["window"], 5)
    if attention["kind"] == "grouped-query":
        attention["n_kv_heads"] = n_kv_heads
    match position["kind"]:
        case "sinusoidal":
            position["amplitude"] = 0.5
        case "rope":
            position["share"] = 1.0 if position["share"] == 1 else 0.5
            if position["scaling"]["kind"] != "none":
                position["scaling"]["factor"] = 2.5
        case _:
            pass
    return ModelConfig.parse(raw)


def _heads(config: ModelConfig) -> tuple[int, int]:
    """A few heads of queries, and of keys and values, of the same kind.

    Several groups of several heads stay so; no power of two stays none, for ALiBi's slopes.
    """
    n_heads = config.n_heads
    if n_heads <= 6:
        return n_heads, config.n_kv_heads
    is_power = n_heads & (n_heads - 1) == 0
    if config.attention.kind == "grouped-query":
        return (4, 2) if is_power else (6, 2)
    few = 4 if is_power else 3
    return few, min(config.n_kv_heads, few)


@torch.no_grad()
def _drawn(model: GPT) -> GPT:
    """In float64 and evaluation mode, all parameters random: what they make is around 1."""
    model.double().eval()
    generator = torch.Generator().manual_seed(0)
    for name, parameter in model.named_parameters():
        draw = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        if parameter.ndim > 1:
            parameter.copy_(draw / parameter.shape[-1] ** 0.5)
        else:
            parameter.copy_(0.3 * draw + (0.0 if name.endswith("bias") else 1.0))
    return model
