"""A decoder-only transformer (Radford et al. 2018, 2019), its parts by config.

Design choices:
- `forward` uses trailing axes only and every parameter sits in a leaf layer, so that a model can
  be stacked with others of its shape into one batched model;
- what a pass returns depends on the method alone: `forward` logits, `read` states with a cache,
  `inspect` what happens inside;
- a tied head is the embedding's own parameter, not a copy;
- where memory is short, `recomputes` has a layer keep its input alone, and compute what else the
  backward pass needs once more (Chen et al. 2016): the same numbers for a third more work;
- the vocabulary comes from the tokenizer, everything else from `ModelConfig`.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lab.config.model import ModelConfig
from lab.model.block import Block
from lab.model.cache import KVCache
from lab.model.context import (
    Context,
    cached_context,
    packed_context,
    padded_context,
    plain_context,
    positions_of,
    positions_within,
)
from lab.model.init import initialise
from lab.model.linear import Projection
from lab.model.norm import build_norm
from lab.model.position import build_position


@dataclass(frozen=True)
class Inspection:
    """What happens inside: `hidden` (..., T, D), the residual stream before the first layer and
    after each; `attention` (..., H, T, T), the weights of each layer, their rows summing to 1;
    `logits` (..., T, V).
    """

    hidden: list[Tensor]
    attention: list[Tensor]
    logits: Tensor


class GPT(nn.Module):
    """Token ids (..., T) in, logits (..., T, V) out.

    T is at most `max_seq_len` with learned positions; all others can be computed beyond it.
    """

    def __init__(self, config: ModelConfig, vocab_size: int) -> None:
        super().__init__()
        self.config = config
        self.vocab_size = vocab_size
        self.recomputes = False
        self.embedding = nn.Embedding(vocab_size, config.d_model)
        self.position = build_position(config)
        self.blocks = nn.ModuleList(Block(config, layer=n) for n in range(config.n_layers))
        placed = config.norm_placement != "post"  # which ends each block with a norm
        self.final_norm = build_norm(config, config.d_model) if placed else nn.Identity()
        self.head = Projection(config.d_model, {"head": vocab_size}, bias=False)
        if config.tie_embeddings:
            self.head.weight = self.embedding.weight

    def forward(
        self,
        ids: Int[Tensor, "*b t"],
        mask: Bool[Tensor, "*b t"] | None = None,
        documents: Int[Tensor, "*b t"] | None = None,
    ) -> Float[Tensor, "*b t v"]:
        """`mask` is False where a row holds padding, at either end; logits there mean nothing.

        `documents` numbers the document of each token, where a row holds several, one after the
        other: each is read as if it stood alone. Raises `ValueError` where both are given.
        """
        x, context = self._entered(ids, mask, documents)
        saving = self.recomputes and self.training
        for block in self.blocks:
            x = self._recomputed(block, x, context) if saving else block(x, context)
        return self.logits(self.final_norm(x))

    @torch.no_grad()
    def read(
        self, ids: Int[Tensor, "b t"], cache: KVCache, mask: Bool[Tensor, "b t"] | None = None
    ) -> Float[Tensor, "b t d"]:
        """Final states of the next tokens of texts in a cache, which keeps them: `logits` of these
        are what `forward` says of the whole texts.

        Raises `ValueError` where the cache is full.
        """
        end = cache.length + ids.shape[-1]
        cache.mark(mask, end=end)
        if cache.real is None:
            positions = torch.arange(end, device=ids.device).expand(len(ids), end)
        else:
            positions = positions_of(cache.real[:, :end])
        self._check(positions, plain=cache.real is None)
        window = self.config.attention.window
        context = cached_context(self.position, cache, positions, window=window)
        x = self._embedded(ids, positions[:, cache.length :], end)
        for block in self.blocks:
            x = block(x, context)
        cache.length = end
        return self.final_norm(x)  # type: ignore[no-any-return]

    def logits(self, states: Float[Tensor, "*b d"]) -> Float[Tensor, "*b v"]:
        logits: Tensor = self.head(states)
        cap = self.config.logit_cap
        return logits if cap is None else cap * torch.tanh(logits / cap)

    def inspect(
        self,
        ids: Int[Tensor, "*b t"],
        mask: Bool[Tensor, "*b t"] | None = None,
        documents: Int[Tensor, "*b t"] | None = None,
    ) -> Inspection:
        """The same pass, keeping what it computes on the way."""
        x, context = self._entered(ids, mask, documents)
        hidden, attention = [x], []
        for block in self.blocks:
            assert isinstance(block, Block)
            attention.append(block.attention_weights(x, context))
            x = block(x, context)
            hidden.append(x)
        return Inspection(hidden, attention, self.logits(self.final_norm(x)))

    def cache(self, *, rows: int, capacity: int) -> KVCache:
        """An empty one for this model, where it is and in its precision."""
        like = self.embedding.weight
        return KVCache(
            self.config, rows=rows, capacity=capacity, device=like.device, dtype=like.dtype
        )

    def _recomputed(self, block: nn.Module, x: Tensor, context: Context) -> Tensor:
        kept = checkpoint(
            block, x, context, use_reentrant=False, preserve_rng_state=self.config.dropout > 0
        )
        assert isinstance(kept, Tensor)
        return kept

    def _entered(
        self, ids: Tensor, mask: Tensor | None, documents: Tensor | None
    ) -> tuple[Tensor, Context]:
        """The residual stream's first value, and what all layers share."""
        length, window = ids.shape[-1], self.config.attention.window
        if mask is not None and documents is not None:
            raise ValueError(
                "a mask and documents do not go together; number the padding as a document"
            )
        if mask is not None:
            positions = positions_of(mask)
            context = padded_context(self.position, mask, positions, window=window)
        elif documents is not None:
            positions = positions_within(documents)
            context = packed_context(self.position, documents, positions, window=window)
        else:
            positions = torch.arange(length, device=ids.device).expand(ids.shape)
            context = plain_context(self.position, length, window=window, device=ids.device)
        self._check(positions, plain=mask is None and documents is None)
        return self._embedded(ids, positions, length), context

    def _embedded(self, ids: Tensor, positions: Tensor, length: int) -> Tensor:
        x = self.position.embed(self.embedding(ids), positions, length=length)
        return F.dropout(x, self.config.dropout, self.training) if self.config.dropout else x

    def _check(self, positions: Tensor, *, plain: bool) -> None:
        limit, length = self.position.limit, positions.shape[-1]
        if limit is None or length <= limit:
            return
        length = length if plain else int(positions.max()) + 1
        if length > limit:
            raise ValueError(
                f"{length} tokens are more than max_seq_len={limit}, and learned positions "
                "end there"
            )


def build_model(config: ModelConfig, vocab_size: int, *, seed: int, source: str = "init") -> GPT:
    """A model on the CPU with the initial values of the seed's stream of that name."""
    model = GPT(config, vocab_size)
    initialise(model, seed=seed, std=config.init_std, source=source)
    return model
