"""A layer: attention and a network, each added to the residual stream."""

from collections.abc import Callable
from functools import partial
from typing import assert_never

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lab.config.model import ModelConfig
from lab.model.attention import Attention
from lab.model.context import Context
from lab.model.mlp import build_mlp
from lab.model.norm import build_norm


class Block(nn.Module):
    """`layer` is its place in the model; `lab.config.norm` says where the norms stand."""

    def __init__(self, config: ModelConfig, *, layer: int) -> None:
        super().__init__()
        scale = (config.n_layers * config.n_branches) ** -0.5  # one residual addition a branch
        self.placement = config.norm_placement
        self.dropout = config.dropout
        sandwich = self.placement == "sandwich"
        self.attention_norm = build_norm(config, config.d_model)
        self.attention = Attention(config, layer=layer, scale=scale)
        if sandwich:
            self.attention_out_norm = build_norm(config, config.d_model)
        if config.n_branches == 2:
            self.mlp_norm = build_norm(config, config.d_model)
        self.mlp = build_mlp(config, scale=scale)
        if config.n_branches == 2 and sandwich:
            self.mlp_out_norm = build_norm(config, config.d_model)

    def forward(self, x: Float[Tensor, "*b t d"], context: Context) -> Float[Tensor, "*b t d"]:
        x = self._added(x, partial(self.attention, context=context), "attention")
        return x if self.mlp is None else self._added(x, self.mlp, "mlp")

    def attention_weights(
        self, x: Float[Tensor, "*b t d"], context: Context
    ) -> Float[Tensor, "*b h t k"]:
        """What `forward` weighs values with."""
        seen = x if self.placement == "post" else self.attention_norm(x)
        return self.attention.weights(seen, context)

    def _added(self, x: Tensor, branch: Callable[[Tensor], Tensor], name: str) -> Tensor:
        norm = getattr(self, f"{name}_norm")
        match self.placement:
            case "pre":
                return x + self._drop(branch(norm(x)))
            case "post":
                return norm(x + self._drop(branch(x)))  # type: ignore[no-any-return]
            case "sandwich":
                out_norm = getattr(self, f"{name}_out_norm")
                return x + self._drop(out_norm(branch(norm(x))))
            case unreachable:
                assert_never(unreachable)

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training) if self.dropout else x
