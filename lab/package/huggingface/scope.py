"""Which models an architecture can express, and what stands in the way of the others."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from lab.config.mlp import NoMLP
from lab.config.model import ModelConfig
from lab.config.position import LinearScaling, RopePosition

PLAIN = frozenset({"gelu", "relu", "relu2"})
GATED = frozenset({"swiglu", "geglu"})
ANY_HEADS = frozenset({"multi-head", "grouped-query", "multi-query"})


_SIZES = {
    "position.kind": 4,
    "norm.kind": 3,
    "norm_placement": 3,
    "mlp.kind": 2,
    "attention.kind": 2,
}


class Bias(Enum):
    """Which projections of an architecture have a bias; one that ours lacks is written as zeros."""

    NEVER = "none"
    ATTENTION = "attention's, as an option"
    SEPARATE = "attention's and the MLP's, two options"
    TOGETHER = "all, one option"
    MLP_ALWAYS = "the MLP's always, attention's as an option"
    ALWAYS = "all, always"

    def written(self, config: ModelConfig) -> tuple[bool, bool]:
        """Whether the projections of attention, and those of the MLP, have a bias."""
        attention = config.attention.has_bias(config.bias)
        mlp = config.bias and not isinstance(config.mlp, NoMLP)
        match self:
            case Bias.NEVER:
                return False, False
            case Bias.ATTENTION:
                return attention, False
            case Bias.SEPARATE:
                return attention, mlp
            case Bias.TOGETHER:
                return attention or mlp, attention or mlp
            case Bias.MLP_ALWAYS:
                return attention, True
            case Bias.ALWAYS:
                return True, True


class Obstacle(NamedTuple):
    """An option of the model, its value, and what the architecture has instead."""

    option: str
    value: object
    instead: str

    @property
    def size(self) -> int:
        """How far away the model is that has no such option."""
        return _SIZES.get(self.option, 1)

    def __str__(self) -> str:
        return f"model.{self.option}={_shown(self.value)} (it has {self.instead})"


@dataclass(frozen=True)
class Scope:
    """Every choice that an architecture leaves open; `qk_norm` None means either."""

    norm: str
    positions: frozenset[str]
    mlps: frozenset[str]
    bias: Bias
    placement: str = "pre"
    heads: frozenset[str] = ANY_HEADS
    window: bool = False
    qk_norm: bool | None = False
    share: bool = False
    linear: bool = True
    norm_bias: bool = True
    qk_norm_bias: bool = True
    logit_cap: bool = False
    further: Callable[[ModelConfig], list[Obstacle]] = lambda config: []

    def obstacles(self, config: ModelConfig) -> list[Obstacle]:
        """Nothing, where the architecture can express this model."""
        found = [
            *_kind("position.kind", config.position.kind, self.positions),
            *_kind("norm.kind", config.norm.kind, {self.norm}),
            *_kind("norm_placement", config.norm_placement, {self.placement}),
            *self._in_mlp(config),
            *_kind("attention.kind", config.attention.kind, self.heads),
            *self._in_attention(config),
            *self._in_position(config),
            *self._in_biases(config),
        ]
        if config.logit_cap is not None and not self.logit_cap:
            found.append(Obstacle("logit_cap", config.logit_cap, "none"))
        return found + self.further(config)

    def _in_mlp(self, config: ModelConfig) -> list[Obstacle]:
        if not isinstance(config.mlp, NoMLP):
            return _kind("mlp.kind", config.mlp.kind, self.mlps)
        # An MLP of zeros adds nothing to the residual stream, but after it a norm still acts.
        return _kind("mlp.kind", "none", self.mlps) if self.placement == "post" else []

    def _in_attention(self, config: ModelConfig) -> list[Obstacle]:
        found, attention = [], config.attention
        if attention.window is not None and not self.window:
            found.append(Obstacle("attention.window", attention.window, "no window"))
        if self.qk_norm is not None and attention.qk_norm != self.qk_norm:
            instead = "them always normalised" if self.qk_norm else "none"
            found.append(Obstacle("attention.qk_norm", attention.qk_norm, instead))
        return found

    def _in_position(self, config: ModelConfig) -> list[Obstacle]:
        if not isinstance(config.position, RopePosition) or "rope" not in self.positions:
            return []
        found, rope = [], config.position
        if rope.rotated(config.head_dim) != config.head_dim and not self.share:
            found.append(Obstacle("position.share", rope.share, "1"))
        if isinstance(rope.scaling, LinearScaling) and not self.linear:
            found.append(Obstacle("position.scaling.kind", "linear", "none or ntk"))
        return found

    def _in_biases(self, config: ModelConfig) -> list[Obstacle]:
        attention, mlp = self.bias.written(config)
        asked, found = config.attention, []
        if asked.has_bias(config.bias) and not attention:
            option = "bias" if asked.bias is None else "attention.bias"
            found.append(Obstacle(option, True, "no bias in attention"))
        if config.bias and not isinstance(config.mlp, NoMLP) and not mlp:
            found.append(Obstacle("bias", True, "no bias in the MLP"))
        if config.bias and self.norm == "layernorm":
            if not self.norm_bias:
                found.append(Obstacle("bias", True, "no bias in its norms"))
            elif asked.qk_norm and not self.qk_norm_bias:
                found.append(Obstacle("bias", True, "no bias in the norms of queries and keys"))
        return list({obstacle.option: obstacle for obstacle in found}.values())


def _kind(option: str, value: str, there: set[str] | frozenset[str]) -> list[Obstacle]:
    return [] if value in there else [Obstacle(option, value, " or ".join(sorted(there)))]


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
