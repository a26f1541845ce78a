"""Texts in a model's memory, read and written token by token, however long they grow.

Where a text ends is the model's to say: `ModelConfig.max_context` tokens may be read on end.

- None (ALiBi; RoPE or no positions, with a window): a text goes on without end, and the cache has
  room for all of it.
- Otherwise (learned, sinusoidal, RoPE, none): when the context is full, it begins again with its
  newest half, which is read anew. So no position and no distance is used that training has not
  shown, and a token is read twice on average. What a token is drawn from depends on the number of
  tokens before it alone, not on which of them were the prompt: a long prompt begins where a text
  written from its first token on would have begun last.

Design choices:
- rows of unequal lengths stand together at their ends, with padding in front, so that their next
  tokens share a slot; the first slot belongs to the longest, so that only its end is ever reached;
- a row that begins again does so alone, with the others untouched;
- long texts are read in chunks, which bounds the memory of a pass;
- evaluation mode holds only while the model computes.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lab.decode.step import Step
from lab.model.cache import KVCache
from lab.model.gpt import GPT

PREFILL = 256  # tokens read at a time


def context_start(n_tokens: int, max_context: int | None) -> int:
    """Where the context of a text of so many tokens begins."""
    if max_context is None or n_tokens <= max_context:
        return 0
    stride = max_context - max_context // 2
    return stride * -((max_context - n_tokens) // stride)


class Reader:
    """Token ids of several texts, not empty, to which at most `room` tokens each will be added."""

    def __init__(
        self, model: GPT, texts: Sequence[Sequence[int]], *, room: int, prefill: int = PREFILL
    ) -> None:
        self.model, self.prefill = model, prefill
        self.limit = model.config.max_context
        self.texts = [text[context_start(len(text), self.limit) :] for text in texts]
        longest = max(len(text) for text in self.texts)
        capacity = longest + room if self.limit is None else min(longest + room, self.limit)
        self.cache = model.cache(rows=len(texts), capacity=capacity)
        device = self.cache.kv.device
        self.ids = torch.zeros(len(texts), capacity, dtype=torch.int64, device=device)
        self.step: Step | None = None

    def begin(self) -> Float[Tensor, "b v"]:
        """Read the texts; returns the logits of what follows each."""
        longest = max(len(text) for text in self.texts)
        real = torch.zeros(len(self.texts), longest, dtype=torch.bool)
        for row, text in enumerate(self.texts):
            self.ids[row, longest - len(text) : longest] = torch.tensor(text)
            real[row, longest - len(text) :] = True
        mask = None if bool(real.all()) else real.to(self.ids.device)
        logits = self._read(self.ids[:, :longest], self.cache, mask)
        if Step.knows(self.model):
            self.step = Step(self.model, self.cache)
        return logits

    def read(self, tokens: Int[Tensor, " b"]) -> Float[Tensor, "b v"]:
        """Add a token to each text; returns the logits of what follows it."""
        if self.cache.length == self.limit:
            self._begin_again()
        tokens = tokens.to(self.ids.device)
        self.ids[:, self.cache.length] = tokens
        if self.step is not None:
            return self.step(tokens)
        return self._read(tokens[:, None], self.cache)

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows, in this order; one may come twice."""
        if list(rows) == list(range(len(self.ids))):
            return
        chosen = torch.tensor(rows, device=self.ids.device)
        self.cache.select(chosen)
        self.ids = self.ids[chosen]
        self._settle()

    def _begin_again(self) -> None:
        """The longest rows, whose contexts are full, with the newest half of them."""
        assert self.limit is not None
        padding = self.cache.padding()
        full = torch.arange(len(self.ids)) if padding is None else (padding == 0).nonzero()[:, 0]
        half = self.limit // 2
        anew = self.model.cache(rows=len(full), capacity=half)
        newest = self.ids[full.to(self.ids.device), self.limit - half : self.limit]
        self._read(newest, anew)
        self.cache.replace(full.to(self.ids.device), anew)
        self._settle()

    def _settle(self) -> None:
        """Give the first slot to the longest row."""
        if spare := self.cache.trim():
            self.ids = self.ids.roll(-spare, dims=-1)
        if self.step is not None:
            self.step.place(self.cache)

    def _read(
        self, ids: Int[Tensor, "b t"], cache: KVCache, mask: Tensor | None = None
    ) -> Float[Tensor, "b v"]:
        masks = (None,) * ids.shape[1] if mask is None else torch.split(mask, self.prefill, dim=1)
        with evaluating(self.model):
            for chunk, real in zip(torch.split(ids, self.prefill, dim=1), masks, strict=False):
                states = self.model.read(chunk, cache, real)
            return self.model.logits(states[:, -1])


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode within; after it, every module in the mode it was in."""
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True
