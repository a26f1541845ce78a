"""A fixed prompt continued now and then while a model trains, to watch it learn to write."""

from collections.abc import Callable, Sequence

import torch
from torch import nn

from lab.decode.generate import generate
from lab.decode.sampling import NoDistributionError, Sampling
from lab.model.gpt import GPT


class SampleText:
    """The prompt and its continuation, at the evaluations whose step is a multiple of `every`.

    Which evaluations and which text depend on the step and the parameters alone: a resumed run
    writes the samples of an uninterrupted one. Every sample has the same seed, so that samples
    differ by what was learnt. Modules keep their mode and global random numbers their state.

    every: steps, usually a multiple of the interval of evaluations; `last` is a step that gets a
    sample in any case.
    """

    def __init__(
        self,
        prompt: Sequence[int],
        *,
        decode: Callable[[Sequence[int]], str],
        sampling: Sampling,
        every: int,
        max_new_tokens: int,
        last: int | None = None,
        stop_id: int | None = None,
        seed: int = 0,
    ) -> None:
        self.prompt = list(prompt)
        self.decode = decode
        self.sampling = sampling
        self.every = every
        self.max_new_tokens = max_new_tokens
        self.last = last
        self.stop_ids = () if stop_id is None else (stop_id,)
        self.seed = seed

    def on_eval(self, model: nn.Module, *, step: int) -> str | None:
        """The text, or None where none is due or the model's logits are no longer finite."""
        if step % self.every and step != self.last:
            return None
        assert isinstance(model, GPT)
        try:
            ids = generate(
                model,
                torch.tensor(self.prompt, dtype=torch.int64),
                max_new_tokens=self.max_new_tokens,
                sampling=self.sampling,
                seed=self.seed,
                stop_ids=self.stop_ids,
            )
        except NoDistributionError:  # the loop finds and records the divergence itself
            return None
        return self.decode([*self.prompt, *ids.tolist()])
