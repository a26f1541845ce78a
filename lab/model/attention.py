"""Causal self-attention (Vaswani et al. 2017), its heads of keys and values shared or not.

Design choices:
- queries, keys and values come from one matrix product, under their own logical names;
- any leading axes are folded into the batch, so that many models may run as one;
- what is seen comes from the `Context`, so that masks, windows, biases and caches are one path;
- `plain` attention spells out what the fused kernel does, to check it and to look inside.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lab.config.model import ModelConfig
from lab.model.context import Context
from lab.model.linear import Projection
from lab.model.norm import build_norm


class Attention(nn.Module):
    """One of several layers; `layer` is its place in a cache."""

    def __init__(self, config: ModelConfig, *, layer: int, scale: float) -> None:
        super().__init__()
        d, choice = config.d_model, config.attention
        self.layer = layer
        self.heads = (config.n_heads, config.n_kv_heads, config.n_kv_heads)
        self.dropout = config.dropout
        self.is_plain = choice.path == "plain"
        bias, kv = choice.has_bias(config.bias), config.n_kv_heads * config.head_dim
        self.qkv_proj = Projection(d, {"q_proj": d, "k_proj": kv, "v_proj": kv}, bias=bias)
        self.o_proj = Projection(d, {"o_proj": d}, bias=bias, scale=scale)
        self.q_norm = build_norm(config, config.head_dim) if choice.qk_norm else None
        self.k_norm = build_norm(config, config.head_dim) if choice.qk_norm else None

    def forward(self, x: Float[Tensor, "*b t d"], context: Context) -> Float[Tensor, "*b t d"]:
        q, k, v = self._heads(x, context)
        dropout = self.dropout if self.training else 0.0
        if self.is_plain:
            weights = F.dropout(attention_weights(q, k, context), dropout)
            y = weights @ _shared(v, q)
        else:
            y = F.scaled_dot_product_attention(
                q,
                k,
                v,
                attn_mask=context.mask,
                is_causal=context.is_causal,
                dropout_p=dropout,
                enable_gqa=len(set(self.heads)) > 1,
            )
        return self.o_proj(y.transpose(1, 2).reshape(x.shape))  # type: ignore[no-any-return]

    def weights(self, x: Float[Tensor, "*b t d"], context: Context) -> Float[Tensor, "*b h t k"]:
        """What `forward` weighs values with; every row sums to 1."""
        q, k, _ = self._heads(x, context)
        weights = attention_weights(q, k, context)
        return weights.reshape(*x.shape[:-2], *weights.shape[1:])

    def _heads(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values (B, heads, t, k), with those before them in a cache."""
        n_heads, n_kv, _ = self.heads
        heads = self.qkv_proj(x).unflatten(-1, (sum(self.heads), -1))
        turned, v = heads.split([n_heads + n_kv, n_kv], dim=-2)
        if self.q_norm is not None and self.k_norm is not None:
            q, k = turned.split([n_heads, n_kv], dim=-2)
            turned = torch.cat([self.q_norm(q), self.k_norm(k)], dim=-2)
        if context.rotation is not None:
            turned = context.rotation.turn(turned)
        q, k = turned.split([n_heads, n_kv], dim=-2)
        q, k, v = (h.reshape(-1, *h.shape[-3:]).transpose(1, 2) for h in (q, k, v))
        if context.cache is not None:
            k, v = context.cache.extend(self.layer, k, v)
        return q, k, v


def attention_weights(
    q: Float[Tensor, "b h q k"], k: Float[Tensor, "b g s k"], context: Context
) -> Float[Tensor, "b h q s"]:
    """softmax(q k^T / sqrt(head_dim)) over what the context lets be seen."""
    scores = q @ _shared(k, q).transpose(-1, -2) / math.sqrt(q.shape[-1])
    mask = context.mask
    if context.is_causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).tril()
    if mask is not None:
        scores = (
            scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
        )
    return scores.softmax(-1)


def _shared(kv: Float[Tensor, "b g s k"], q: Tensor) -> Float[Tensor, "b h s k"]:
    """The keys or values of each group, for every head of queries in it."""
    group = q.shape[1] // kv.shape[1]
    return kv if group == 1 else kv.repeat_interleave(group, dim=1)
