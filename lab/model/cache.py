"""What a model remembers of a text: keys and values of every layer, in memory given once.

Design choices:
- the memory is static: room for `capacity` tokens is taken at the beginning, and reading tokens
  fills it from the front, so that nothing is copied or grown while text is generated;
- grouped queries need room for their groups only;
- which slots hold padding, and where a row's next token stands, is remembered as well, so that
  rows of unequal lengths can be read together.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lab.config.model import ModelConfig


class KVCache:
    """Room for `capacity` tokens in each of `rows` texts; `length` slots are filled."""

    def __init__(
        self,
        config: ModelConfig,
        *,
        rows: int,
        capacity: int,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        shape = (config.n_layers, rows, config.n_kv_heads, capacity, config.head_dim)
        self.keys = torch.zeros(shape, device=device, dtype=dtype)
        self.values = torch.zeros(shape, device=device, dtype=dtype)
        self.capacity = capacity
        self.length = 0
        self.real: Bool[Tensor, "b t"] | None = None  # None: no slot holds padding

    def extend(
        self, layer: int, k: Float[Tensor, "b h t k"], v: Float[Tensor, "b h t k"]
    ) -> tuple[Float[Tensor, "b h past_t k"], Float[Tensor, "b h past_t k"]]:
        """Keep a layer's new keys and values; returns them after all that were kept before."""
        end = self.length + k.shape[-2]
        keys, values = self.keys[layer, :, :, :end], self.values[layer, :, :, :end]
        keys[:, :, self.length :] = k
        values[:, :, self.length :] = v
        return keys, values

    def mark(self, mask: Bool[Tensor, "b t"] | None, *, end: int) -> None:
        """Note which of the next slots, up to `end`, are real; None means all."""
        if end > self.capacity:
            raise ValueError(f"{end} tokens are more than the cache's capacity of {self.capacity}")
        if mask is None and self.real is None:
            return
        if self.real is None:
            self.real = torch.ones(
                self.keys.shape[1], self.capacity, dtype=torch.bool, device=self.keys.device
            )
        self.real[:, self.length : end] = True if mask is None else mask

    def select(self, rows: Int[Tensor, " n"]) -> "KVCache":
        """These rows, in this order, in place: for beams, and for texts that have ended."""
        self.keys, self.values = self.keys[:, rows], self.values[:, rows]
        if self.real is not None:
            self.real = self.real[rows]
        return self
