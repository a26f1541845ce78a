"""Tokens written greedily, one prompt at a time and 16 together: with the keys and values of what
was read kept, and, one prompt only, with everything read anew for every token.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch

from lab.bench.measuring import Bench
from lab.bench.peers import huggingface, is_installed
from lab.bench.record import Row
from lab.bench.shapes import LLAMA, NANOGPT, TANH, Shape
from lab.bench.timing import Do
from lab.decode.generate import generate_batch
from lab.decode.sampling import Sampling
from lab.model.gpt import GPT, build_model

PROMPT = 16  # tokens
PROMPTS = 16
VOCAB = 256


def rows(bench: Bench) -> Iterator[Row]:
    small = min(bench.shapes, key=lambda shape: abs(shape.d_model - NANOGPT.d_model))
    shape = replace(small, length=256, vocab_size=VOCAB)
    new_tokens = 32 if bench.quick else 200
    for kind in (TANH, LLAMA):
        ours = build_model(shape.config(kind), VOCAB, seed=0).to(bench.device).eval()
        theirs = _theirs(bench, shape, kind)
        for prompts in (1, PROMPTS):
            yield bench.row(
                f"{shape.name}, {kind}, {_counted(prompts)}",
                _cached(ours, prompts, new_tokens),
                _peer(theirs, prompts, new_tokens, cached=True),
                amount=prompts * new_tokens,
                of="tokens",
                headline=True,
            )
        yield bench.row(
            f"{shape.name}, {kind}, {_counted(1)}, uncached",
            _uncached(ours, new_tokens),
            _peer(theirs, 1, new_tokens, cached=False),
            amount=new_tokens,
            of="tokens",
        )


def _theirs(bench: Bench, shape: Shape, kind: str) -> Any:
    if not is_installed(huggingface.NAME):
        return None
    model = huggingface.build(kind, shape.config(kind), VOCAB, pad_token_id=0)
    return model.to(bench.device).eval()


def _cached(model: GPT, prompts: int, new_tokens: int) -> Do:
    texts = list(torch.ones(prompts, PROMPT, dtype=torch.int64))
    greedy = Sampling(temperature=0.0)
    return lambda: generate_batch(model, texts, max_new_tokens=new_tokens, sampling=greedy, seed=0)


def _uncached(model: GPT, new_tokens: int) -> Do:
    prompt = torch.ones(1, PROMPT, dtype=torch.int64, device=model.embedding.weight.device)

    @torch.inference_mode()
    def do() -> None:
        ids = prompt
        for _ in range(new_tokens):
            ids = torch.cat([ids, model(ids)[:, -1:].argmax(-1)], dim=1)

    return do


def _peer(model: Any, prompts: int, new_tokens: int, *, cached: bool) -> dict[str, Do]:
    if model is None:
        return {}
    ids = torch.ones(prompts, PROMPT, dtype=torch.int64, device=model.device)
    mask = torch.ones_like(ids)

    def do() -> None:
        model.generate(
            ids,
            attention_mask=mask,
            do_sample=False,
            max_new_tokens=new_tokens,
            use_cache=cached,
        )

    return {huggingface.NAME: do}


def _counted(prompts: int) -> str:
    return "1 prompt" if prompts == 1 else f"{prompts} prompts"
