"""Faults that public code has had, or might have: how each is planted in the model."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import lab.model.attention
import lab.model.block
import lab.model.context
import lab.model.gpt
import lab.model.init
import lab.model.mlp
import lab.model.norm
import lab.model.position
from lab.config.mlp import SwigluMLP
from lab.config.model import ModelConfig
from lab.model.attention import Attention
from lab.model.context import Context
from lab.model.gpt import GPT

Plant = Callable[[pytest.MonkeyPatch], None]


def left_over_table(*, is_used: bool) -> Plant:
    def plant(patch: pytest.MonkeyPatch) -> None:
        build = lab.model.gpt.build_position

        def built(config: ModelConfig) -> nn.Module:
            position = build(config)
            position.left = nn.Embedding(2 * config.max_seq_len, config.d_model)
            if is_used:
                position.embed = lambda x, positions, length: x + position.left(positions)
            return position

        patch.setattr(lab.model.gpt, "build_position", built)

    return plant


def leaking_causal_mask(patch: pytest.MonkeyPatch) -> None:
    plain = lab.model.gpt.plain_context

    def leaking(*args: Any, **options: Any) -> Context:
        context = plain(*args, **options)
        n = args[1]
        seen = torch.ones(n, n, dtype=torch.bool).tril(1)[None, None]
        return context._replace(mask=seen, is_causal=False)

    patch.setattr(lab.model.gpt, "plain_context", leaking)


def visible(rule: Callable[[Tensor, int | None], Tensor]) -> Plant:
    """Which distances are seen, given the window."""

    def seen(queries: Tensor, keys: Tensor, window: int | None) -> Tensor:
        return rule(queries.unsqueeze(-1) - keys.unsqueeze(-2), window)

    return lambda patch: patch.setattr(lab.model.context, "_visible", seen)


def leaks_one(distance: Tensor, window: int | None) -> Tensor:
    return (distance >= -1) if window is None else (distance >= -1) & (distance < window)


def sees_one_more(distance: Tensor, window: int | None) -> Tensor:
    return (distance >= 0) if window is None else (distance >= 0) & (distance <= window)


def sees_one_less(distance: Tensor, window: int | None) -> Tensor:
    return (distance >= 0) if window is None else (distance >= 0) & (distance < window - 1)


def slopes_off_by_one(patch: pytest.MonkeyPatch) -> None:
    right = lab.model.position.alibi_slopes

    def shifted(n_heads: int) -> Tensor:
        return right(n_heads) * 2 ** (8 / 2 ** math.floor(math.log2(n_heads)))

    patch.setattr(lab.model.position, "alibi_slopes", shifted)


def without_epsilon(patch: pytest.MonkeyPatch) -> None:
    for norm in (lab.model.norm.LayerNorm, lab.model.norm.RMSNorm):
        right = norm.forward

        def forward(self: Any, x: Tensor, right: Any = right) -> Tensor:
            eps, self.eps = self.eps, 0.0
            try:
                return right(self, x)
            finally:
                self.eps = eps

        patch.setattr(norm, "forward", forward)


def not_centred(patch: pytest.MonkeyPatch) -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        return F.rms_norm(x, x.shape[-1:], eps=self.eps) * self.weight

    patch.setattr(lab.model.norm.LayerNorm, "forward", forward)


def interleaved_groups(patch: pytest.MonkeyPatch) -> None:
    def shared(kv: Tensor, q: Tensor) -> Tensor:
        return kv.repeat(1, q.shape[1] // kv.shape[1], 1, 1)

    patch.setattr(lab.model.attention, "_shared", shared)


def scores_not_normalised(patch: pytest.MonkeyPatch) -> None:
    right = lab.model.attention.attention_weights
    patch.setattr(lab.model.attention, "attention_weights", lambda *args: 0.9 * right(*args))


def norm_after_rotation(patch: pytest.MonkeyPatch) -> None:
    right = Attention._heads

    def heads(self: Any, x: Tensor, context: Context) -> tuple[Tensor, Tensor, Tensor]:
        norms, self.q_norm = self.q_norm, None
        try:
            q, k, v = right(self, x, context._replace(cache=None))
        finally:
            self.q_norm = norms
        q = self.q_norm(q.transpose(1, 2)).transpose(1, 2)
        k = self.k_norm(k.transpose(1, 2)).transpose(1, 2)
        if context.cache is not None:
            k, v = context.cache.extend(self.layer, k, v)
        return q, k, v

    patch.setattr(Attention, "_heads", heads)


def queries_not_normed(patch: pytest.MonkeyPatch) -> None:
    right = Attention._heads

    def heads(self: Any, x: Tensor, context: Context) -> tuple[Tensor, Tensor, Tensor]:
        norms, self.q_norm = self.q_norm, None
        try:
            return right(self, x, context)
        finally:
            self.q_norm = norms

    patch.setattr(Attention, "_heads", heads)


def gate_and_up_swapped(patch: pytest.MonkeyPatch) -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        up, gate = self.gate_up_proj(x).chunk(2, dim=-1)
        return self.down_proj(self.activation(gate) * up)

    patch.setattr(lab.model.mlp.GatedMLP, "forward", forward)


def pairs_interleaved(patch: pytest.MonkeyPatch) -> None:
    """GPT-J's pairs (2i, 2i + 1) for weights that mean GPT-NeoX's."""
    right = lab.model.context.Rotation.turn

    def turn(self: Any, heads: Tensor) -> Tensor:
        dim = 2 * self.cos.shape[-1]
        mixed = heads[..., :dim].unflatten(-1, (-1, 2)).transpose(-1, -2).flatten(-2)
        turned = right(self, torch.cat([mixed, heads[..., dim:]], dim=-1))
        back = turned[..., :dim].unflatten(-1, (2, -1)).transpose(-1, -2).flatten(-2)
        return torch.cat([back, turned[..., dim:]], dim=-1)

    patch.setattr(lab.model.context.Rotation, "turn", turn)


def wrong_theta(patch: pytest.MonkeyPatch) -> None:
    right = lab.model.position._angles
    patch.setattr(lab.model.position, "_angles", lambda n, dim, theta: right(n, dim, theta * 1.01))


def table_does_not_grow(patch: pytest.MonkeyPatch) -> None:
    def at(self: Any, positions: Tensor, *, length: int) -> Tensor:
        return self.rows[positions.clamp(max=len(self.rows) - 1)]

    patch.setattr(lab.model.position.Table, "at", at)


def no_end_of_positions(patch: pytest.MonkeyPatch) -> None:
    def embed(self: Any, x: Tensor, positions: Tensor, *, length: int) -> Tensor:
        return x + self.table(positions % self.limit)

    patch.setattr(GPT, "_check", lambda self, positions, padded: None)
    patch.setattr(lab.model.position.LearnedPosition, "embed", embed)


def no_positions_at_all(patch: pytest.MonkeyPatch) -> None:
    """As a config that falls through to nothing."""
    patch.setattr(
        lab.model.gpt, "build_position", lambda config: lab.model.position.PositionEncoding()
    )


def untied(patch: pytest.MonkeyPatch) -> None:
    right = GPT.__init__

    def init(self: Any, config: ModelConfig, vocab_size: int) -> None:
        right(self, config, vocab_size)
        self.head.weight = nn.Parameter(self.head.weight.detach().clone())

    patch.setattr(GPT, "__init__", init)


def tied(patch: pytest.MonkeyPatch) -> None:
    right = GPT.__init__

    def init(self: Any, config: ModelConfig, vocab_size: int) -> None:
        right(self, config, vocab_size)
        self.head.weight = self.embedding.weight

    patch.setattr(GPT, "__init__", init)


def always_dropping(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lab.model.block.Block, "_drop", lambda self, x: F.dropout(x, self.dropout))


def never_capped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(GPT, "logits", lambda self, states: self.head(states))


def chunks_see_ahead(patch: pytest.MonkeyPatch) -> None:
    right = lab.model.gpt.cached_context

    def ahead(*args: Any, **options: Any) -> Context:
        return right(*args, **options)._replace(mask=None, is_causal=False)

    patch.setattr(lab.model.gpt, "cached_context", ahead)


def padding_takes_positions(patch: pytest.MonkeyPatch) -> None:
    def positions(real: Tensor) -> Tensor:
        return torch.arange(real.shape[-1]).expand(real.shape)

    patch.setattr(lab.model.gpt, "positions_of", positions)


def post_is_pre(patch: pytest.MonkeyPatch) -> None:
    def added(self: Any, x: Tensor, branch: Callable[[Tensor], Tensor], name: str) -> Tensor:
        return x + branch(getattr(self, f"{name}_norm")(x))

    patch.setattr(lab.model.block.Block, "_added", added)


def residual_not_scaled(patch: pytest.MonkeyPatch) -> None:
    right = lab.model.init._weights

    def weights(model: nn.Module) -> Any:
        for name, weight, _ in right(model):
            yield name, weight, 1.0

    patch.setattr(lab.model.init, "_weights", weights)


def plain_activation(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lab.model.mlp, "squared_relu", F.relu)


def gate_alone(patch: pytest.MonkeyPatch) -> None:
    """The rows of `up` are there, and go nowhere."""

    def forward(self: Any, x: Tensor) -> Tensor:
        return self.down_proj(self.activation(self.up_proj(x).detach()))

    patch.setattr(lab.model.mlp.PlainMLP, "forward", forward)


def width_rounded(patch: pytest.MonkeyPatch) -> None:
    def width(self: Any, *, d_model: int, bias: bool) -> int:
        return 256 * math.ceil(8 * d_model / 3 / 256)

    patch.setattr(SwigluMLP, "width", width)


def positions_not_counted(patch: pytest.MonkeyPatch) -> None:
    right = ModelConfig.n_params
    patch.setattr(ModelConfig, "n_params", lambda self, vocab: right(self, vocab) - 1)


def attention_for_nothing(patch: pytest.MonkeyPatch) -> None:
    """FLOPs without the scores and their sums, as in '6 N'."""

    def forward_flops(self: ModelConfig, vocab_size: int) -> int:
        return 2 * (self.n_params(vocab_size) - self.n_params_embedding(vocab_size))

    patch.setattr(ModelConfig, "forward_flops_per_token", forward_flops)
