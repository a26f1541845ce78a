"""Decoding by others: without a cache, and by transformers with the same weights."""

from typing import Any

import torch
import transformers
from torch import Tensor

from lab.model.gpt import GPT
from tests.model.oracles import by_table, gpt2_shape

GPT2_NAMES = {
    "embedding.": "transformer.wte.",
    "position.table.": "transformer.wpe.",
    "final_norm.": "transformer.ln_f.",
    "head.": "lm_head.",
    "blocks.": "transformer.h.",
    "attention_norm": "ln_1",
    "mlp_norm": "ln_2",
    "attention.qkv_proj": "attn.c_attn",
    "attention.o_proj": "attn.c_proj",
    "up_proj": "c_fc",
    "down_proj": "c_proj",
}


def context(text: list[int], limit: int | None) -> list[int]:
    """What the next token of a text is drawn from, by counting."""
    seen: list[int] = []
    for token in text:
        if len(seen) == limit:
            seen = seen[-(limit // 2) :]
        seen.append(token)
    return seen


@torch.no_grad()
def next_logits(model: GPT, text: list[int]) -> Tensor:
    """From one whole pass."""
    logits: Tensor = model(torch.tensor([context(text, model.config.max_context)]))
    return logits[0, -1]


def greedy(model: GPT, prompt: list[int], n: int) -> list[int]:
    text = list(prompt)
    for _ in range(n):
        text.append(int(next_logits(model, text).argmax()))
    return text[len(prompt) :]


def transformers_gpt2(model: GPT) -> Any:
    """Their GPT-2 with our weights, in our precision; no token means anything to it."""
    shape = gpt2_shape(model.config, activation_function="gelu", vocab_size=model.vocab_size)
    special = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
    theirs = transformers.GPT2LMHeadModel(transformers.GPT2Config(**shape, **special))
    theirs = theirs.eval().to(model.embedding.weight.dtype)
    renamed = by_table(GPT2_NAMES, turned="c_")(model)
    theirs.load_state_dict({name: value.detach() for name, value in renamed.items()})
    return theirs


def their_text(theirs: Any, prompt: list[int], **settings: Any) -> list[int]:
    """The new tokens alone of their `generate`."""
    ids = torch.tensor([prompt])
    found = theirs.generate(ids, attention_mask=torch.ones_like(ids), **settings)
    return found[0, len(prompt) :].tolist()
