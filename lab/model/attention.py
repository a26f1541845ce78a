"""Causal multi-head self-attention (Vaswani et al. 2017) through PyTorch's fused kernel.

Design choices:
- queries, keys and values come from one matrix product, under their own logical names;
- any leading axes are folded into the batch, so that many models may run as one.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lab.config.model import ModelConfig
from lab.model.linear import Projection
from lab.model.position import PositionEncoding


class Attention(nn.Module):
    def __init__(self, config: ModelConfig, *, residual_scale: float) -> None:
        super().__init__()
        d = config.d_model
        self.n_heads = config.n_heads
        self.dropout = config.dropout
        self.qkv_proj = Projection(d, {"q_proj": d, "k_proj": d, "v_proj": d}, bias=config.bias)
        self.o_proj = Projection(d, {"o_proj": d}, bias=config.bias, scale=residual_scale)

    def forward(
        self, x: Float[Tensor, "*b t d"], position: PositionEncoding
    ) -> Float[Tensor, "*b t d"]:
        heads = self.qkv_proj(x).unflatten(-1, (3 * self.n_heads, -1))
        queries_and_keys, v = heads.split([2 * self.n_heads, self.n_heads], dim=-2)
        q, k = position.rotate(queries_and_keys).chunk(2, dim=-2)
        q_BHTK, k_BHTK, v_BHTK = (h.reshape(-1, *h.shape[-3:]).transpose(1, 2) for h in (q, k, v))
        y_BHTK = F.scaled_dot_product_attention(
            q_BHTK, k_BHTK, v_BHTK, is_causal=True, dropout_p=self.dropout if self.training else 0.0
        )
        return self.o_proj(y_BHTK.transpose(1, 2).reshape(x.shape))  # type: ignore[no-any-return]
