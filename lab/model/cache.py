"""What a model remembers of a text: keys and values of every layer, in memory given once.

Design choices:
- the memory is static: room for `capacity` tokens is taken at the beginning, and reading tokens
  fills it from the front, so that nothing is copied or grown while text is generated;
- all layers share one tensor, so that a slot of every layer is found in one look;
- grouped queries need room for their groups only;
- which slots hold padding, and where a row's next token stands, is remembered as well, so that
  rows of unequal lengths can be read together.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lab.config.model import ModelConfig


class KVCache:
    """Room for `capacity` tokens in each of `rows` texts; `length` slots are filled.

    kv: (n_layers, 2, rows, n_kv_heads, capacity, head_dim), keys before values.
    """

    def __init__(
        self,
        config: ModelConfig,
        *,
        rows: int,
        capacity: int,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        shape = (config.n_layers, 2, rows, config.n_kv_heads, capacity, config.head_dim)
        self.kv = torch.zeros(shape, device=device, dtype=dtype)
        self.capacity = capacity
        self.length = 0
        self.real: Bool[Tensor, "b t"] | None = None  # None: no slot holds padding

    @property
    def keys(self) -> Float[Tensor, "l b h t k"]:
        return self.kv[:, 0]

    @property
    def values(self) -> Float[Tensor, "l b h t k"]:
        return self.kv[:, 1]

    def extend(
        self, layer: int, k: Float[Tensor, "b h t k"], v: Float[Tensor, "b h t k"]
    ) -> tuple[Float[Tensor, "b h past_t k"], Float[Tensor, "b h past_t k"]]:
        """Keep a layer's new keys and values; returns them after all that were kept before."""
        end = self.length + k.shape[-2]
        keys, values = self.kv[layer, 0, :, :, :end], self.kv[layer, 1, :, :, :end]
        keys[:, :, self.length :] = k
        values[:, :, self.length :] = v
        return keys, values

    def mark(self, mask: Bool[Tensor, "b t"] | None, *, end: int) -> None:
        """Note which of the next slots, up to `end`, are real; None means all."""
        if end > self.capacity:
            raise ValueError(f"{end} tokens are more than the cache's capacity of {self.capacity}")
        if mask is None and self.real is None:
            return
        self._marks()[:, self.length : end] = True if mask is None else mask

    def padding(self) -> Int[Tensor, " b"] | None:
        """How many slots of padding stand before each row's text; None where there are none.

        Any other padding, behind a text, is not counted.
        """
        return None if self.real is None else self.real[:, : self.length].long().argmax(-1)

    def select(self, rows: Int[Tensor, " n"]) -> "KVCache":
        """These rows, in this order, in place: for beams, and for texts that have ended."""
        self.kv = self.kv.index_select(2, rows)
        if self.real is not None:
            self.real = self.real[rows]
        return self

    def replace(self, rows: Int[Tensor, " n"], texts: "KVCache") -> None:
        """These rows hold what `texts` holds, in their last slots, and nothing else."""
        begin = self.length - texts.length
        self.kv[:, :, rows, :, begin : self.length] = texts.kv[:, :, :, :, : texts.length]
        marks = self._marks()
        marks[rows, :begin] = False
        marks[rows, begin : self.length] = True if texts.real is None else texts.real

    def trim(self) -> int:
        """Give up the first slots, as far as every row has padding there; returns how many."""
        padding = self.padding()
        if padding is None:
            return 0
        spare, marks = int(padding.min()), self._marks()
        if spare:
            kept = slice(spare, self.length)
            self.length -= spare
            self.kv[..., : self.length, :] = self.kv[..., kept, :].clone()
            marks[:, : self.length] = marks[:, kept].clone()
            marks[:, self.length :] = True
        if bool(marks.all()):
            self.real = None
        return spare

    def _marks(self) -> Bool[Tensor, "b t"]:
        if self.real is None:
            rows = self.kv.shape[2]
            self.real = torch.ones(rows, self.capacity, dtype=torch.bool, device=self.kv.device)
        return self.real
