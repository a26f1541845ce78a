"""From prompts to continuations, one token a text at a time.

Design choices:
- `generate`, `generate_batch` and `stream` are one loop, collected in three ways;
- a row of a batch gets the tokens it would get alone: a generator of its own, on the CPU, with
  seed + its number, a draw a token, and a context of its own (see `lab.decode.reader`). So the
  seed fixes the text, as far as rounding allows, and asking for more tokens only makes it longer;
- a text that has ended leaves the computation;
- a token is computed when it is asked for. Evaluation mode and inference mode hold while it is
  and at no other time, so a consumer may train, or walk away, between two tokens.
"""

from collections.abc import Collection, Iterator, Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from lab.decode.reader import PREFILL, Reader
from lab.decode.sampling import Sampling, next_tokens
from lab.errors import ConfigError
from lab.model.gpt import GPT


def generate(
    model: GPT,
    prompt: Int[Tensor, " t"],
    *,
    max_new_tokens: int,
    sampling: Sampling,
    seed: int,
    stop_ids: Collection[int] = (),
    prefill: int = PREFILL,
) -> Int[Tensor, " n"]:
    """The new token ids alone, on the CPU: at most `max_new_tokens`, one of `stop_ids` the last."""
    (tokens,) = generate_batch(
        model,
        [prompt],
        max_new_tokens=max_new_tokens,
        sampling=sampling,
        seed=seed,
        stop_ids=stop_ids,
        prefill=prefill,
    )
    return tokens


def generate_batch(
    model: GPT,
    prompts: Sequence[Int[Tensor, " t"]],
    *,
    max_new_tokens: int,
    sampling: Sampling,
    seed: int,
    stop_ids: Collection[int] = (),
    prefill: int = PREFILL,
) -> list[Int[Tensor, " n"]]:
    """For prompts of any lengths, what `generate` gives for each, with seeds from `seed` on."""
    check_request(prompts, max_new_tokens=max_new_tokens, seed=seed, prefill=prefill)
    found: list[list[int]] = [[] for _ in prompts]
    with torch.inference_mode():
        for row, token in _tokens(
            model, prompts, max_new_tokens, sampling, seed, stop_ids, prefill
        ):
            found[row].append(token)
    return [torch.tensor(tokens, dtype=torch.int64) for tokens in found]


def stream(
    model: GPT,
    prompt: Int[Tensor, " t"],
    *,
    max_new_tokens: int,
    sampling: Sampling,
    seed: int,
    stop_ids: Collection[int] = (),
    prefill: int = PREFILL,
) -> Iterator[int]:
    """Yields each new token id as soon as it is drawn; ends after one of `stop_ids`."""
    check_request([prompt], max_new_tokens=max_new_tokens, seed=seed, prefill=prefill)
    tokens = _tokens(model, [prompt], max_new_tokens, sampling, seed, stop_ids, prefill)
    return _in_inference_mode(token for _, token in tokens)


def check_request(
    prompts: Sequence[Int[Tensor, " t"]], *, max_new_tokens: int, seed: int, prefill: int
) -> None:
    """Raises `ConfigError` for what cannot be generated."""
    if any(len(prompt) == 0 for prompt in prompts):
        raise ConfigError("the prompt has no tokens to continue; give at least one character")
    if max_new_tokens < 0:
        raise ConfigError(f"max_new_tokens={max_new_tokens} must be at least 0")
    if not 0 <= seed <= 2**63 - max(1, len(prompts)):
        raise ConfigError(f"seed={seed} must be a whole number from 0 to 2**63 - 1")
    if prefill < 1:
        raise ConfigError(f"prefill={prefill} must be at least 1, the tokens read at a time")


def _tokens(
    model: GPT,
    prompts: Sequence[Tensor],
    max_new_tokens: int,
    sampling: Sampling,
    seed: int,
    stop_ids: Collection[int],
    prefill: int,
) -> Iterator[tuple[int, int]]:
    """Each new token after the number of its row, in the order in which they are drawn.

    Computes between its yields alone; inference mode is for the caller to set.
    """
    if max_new_tokens == 0 or not prompts:
        return
    texts = [prompt.tolist() for prompt in prompts]
    generators = [torch.Generator("cpu").manual_seed(seed + row) for row in range(len(texts))]
    seen = _seen(texts, model.vocab_size) if sampling.repetition_penalty != 1 else None
    reader = Reader(model, texts, room=max_new_tokens - 1, prefill=prefill)
    logits = reader.begin()
    rows, stops = list(range(len(texts))), frozenset(stop_ids)
    for left in range(max_new_tokens - 1, -1, -1):
        tokens = next_tokens(logits, sampling, generators=generators, seen=seen)
        chosen = tokens.tolist()
        yield from zip(rows, chosen, strict=True)
        if left == 0:
            return
        if not stops.isdisjoint(chosen):
            kept = [place for place, token in enumerate(chosen) if token not in stops]
            if not kept:
                return
            reader.keep(kept)
            rows = [rows[place] for place in kept]
            generators = [generators[place] for place in kept]
            tokens = tokens[kept]
            seen = None if seen is None else seen[kept]
        if seen is not None:
            seen.scatter_(1, tokens[:, None], True)
        logits = reader.read(tokens)


def _seen(texts: Sequence[Sequence[int]], vocab_size: int) -> Bool[Tensor, "b v"]:
    seen = torch.zeros(len(texts), vocab_size, dtype=torch.bool)
    for row, text in enumerate(texts):
        seen[row, list(text)] = True
    return seen


def _in_inference_mode(tokens: Iterator[int]) -> Iterator[int]:
    """The same, with inference mode on while each is computed and off while it is used."""
    while True:
        with torch.inference_mode():
            token = next(tokens, None)
        if token is None:
            return
        yield token
