"""From a prompt to a continuation, one token at a time.

Design choices:
- the window slides: a token is drawn from the last `max_seq_len` tokens, whatever came before;
- `generate` is `stream` collected, so both give the same tokens;
- one generator on the CPU and one draw a token: the seed fixes the text, and asking for more
  tokens only makes it longer;
- evaluation mode and inference mode hold while a token is computed and at no other time, so a
  consumer may train, or walk away, between two tokens.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lab.decode.sampling import Sampling, filtered_probabilities, pick
from lab.errors import ConfigError


def generate(
    model: nn.Module,
    prompt: Int[Tensor, " t"],
    *,
    max_new_tokens: int,
    sampling: Sampling,
    seed: int,
    stop_id: int | None = None,
) -> Int[Tensor, " n"]:
    """The new token ids alone, on the CPU: at most `max_new_tokens`, `stop_id` being the last."""
    ids = stream(
        model,
        prompt,
        max_new_tokens=max_new_tokens,
        sampling=sampling,
        seed=seed,
        stop_id=stop_id,
    )
    return torch.tensor(list(ids), dtype=torch.int64)


def stream(
    model: nn.Module,
    prompt: Int[Tensor, " t"],
    *,
    max_new_tokens: int,
    sampling: Sampling,
    seed: int,
    stop_id: int | None = None,
) -> Iterator[int]:
    """Yields each new token id as soon as it is drawn; ends after `stop_id`, which it yields.

    model: ids (B, T) to logits (B, T, V), with its context length at `config.max_seq_len`.
    """
    if len(prompt) == 0:
        raise ConfigError("the prompt has no tokens to continue; give at least one character")
    if max_new_tokens < 0:
        raise ConfigError(f"max_new_tokens={max_new_tokens} must be at least 0")
    if not 0 <= seed < 2**63:
        raise ConfigError(f"seed={seed} must be a whole number from 0 to 2**63 - 1")
    return _stream(model, prompt, max_new_tokens, sampling, seed, stop_id)


def _stream(
    model: nn.Module,
    prompt: Tensor,
    max_new_tokens: int,
    sampling: Sampling,
    seed: int,
    stop_id: int | None,
) -> Iterator[int]:
    generator = torch.Generator("cpu").manual_seed(seed)
    length = _context_length(model)
    window = prompt[-length:].to(_device(model))
    for _ in range(max_new_tokens):
        token = pick(filtered_probabilities(_next_logits(model, window), sampling), generator)
        yield int(token)
        if int(token) == stop_id:
            return
        window = torch.cat([window, token.to(window)[None]])[-length:]


def _next_logits(model: nn.Module, window: Int[Tensor, " t"]) -> Float[Tensor, " v"]:
    with _evaluating(model), torch.inference_mode():
        logits: Tensor = model(window[None])
    return logits[0, -1]


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode within; after it, every module in the mode it was in."""
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True


def _context_length(model: nn.Module) -> int:
    return int(model.config.max_seq_len)  # type: ignore[union-attr, arg-type]


def _device(model: nn.Module) -> torch.device:
    first = next(model.parameters(), None)
    return first.device if first is not None else torch.device("cpu")
