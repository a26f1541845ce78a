"""Tokens a second of cached greedy generation against `transformers`, in turn, on one thread.

    python scripts/bench_generate.py [--quick]

Models of the same shape, this lab's and Hugging Face's GPT-2 and Llama, continue prompts of 16
tokens by 200, one prompt at a time and 16 together. Prints the median tokens a second of each, and
four ratios: ours to theirs for one prompt, our 16 to their one, our 16 to their 16, and our 16 to
our one. Runs alternate, so that whatever else the machine does falls on both. `--quick` runs once,
for a few tokens, to see that it runs.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import transformers
from rich.console import Console
from rich.table import Table
from torch import nn

from lab.config.model import ModelConfig
from lab.decode.generate import generate_batch
from lab.decode.sampling import Sampling
from lab.model.gpt import GPT, build_model

BATCH, PROMPT, VOCAB = 16, 16, 256
SHAPE = {"n_layers": 4, "n_heads": 4, "d_model": 128, "max_seq_len": 256}
KINDS = {
    "GPT-2": {"bias": True, "mlp": {"kind": "gelu", "approximate": "tanh"}},
    "Llama": {"position": {"kind": "rope"}, "norm": {"kind": "rmsnorm"}, "mlp": {"kind": "swiglu"}},
}
NO_END = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": 0}

Generation = Callable[[int], None]  # of so many prompts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="once, for a few tokens")
    quick = parser.parse_args().quick
    rounds, new_tokens = (1, 8) if quick else (7, 200)
    torch.set_num_threads(1)
    table = Table(
        "shape", "ours, 1", "theirs, 1", f"ours, {BATCH}", f"theirs, {BATCH}", title="tokens/s"
    )
    ratios = Table(
        "shape",
        "1 to their 1",
        f"{BATCH} to their 1",
        f"{BATCH} to their {BATCH}",
        f"{BATCH} to our 1",
        title="ours, relative",
    )
    for kind, choices in KINDS.items():
        config = ModelConfig.parse({**SHAPE, **choices})
        ours = _ours(build_model(config, VOCAB, seed=0), new_tokens)
        theirs = _theirs(_peer(kind, config), new_tokens)
        rates = _alternate({"ours": ours, "theirs": theirs}, rounds=rounds, new_tokens=new_tokens)
        our_1, their_1 = rates["ours", 1], rates["theirs", 1]
        our_n, their_n = rates["ours", BATCH], rates["theirs", BATCH]
        table.add_row(kind, *(f"{rate:,.0f}" for rate in (our_1, their_1, our_n, their_n)))
        found = (our_1 / their_1, our_n / their_1, our_n / their_n, our_n / our_1)
        ratios.add_row(kind, *(f"{ratio:.1f}" for ratio in found))
    console = Console()
    console.print(table)
    console.print(ratios)


def _ours(model: GPT, new_tokens: int) -> Generation:
    def run(n: int) -> None:
        prompts = list(torch.ones(n, PROMPT, dtype=torch.int64))
        greedy = Sampling(temperature=0.0)
        generate_batch(model, prompts, max_new_tokens=new_tokens, sampling=greedy, seed=0)

    return run


def _theirs(model: nn.Module, new_tokens: int) -> Generation:
    def run(n: int) -> None:
        prompts = torch.ones(n, PROMPT, dtype=torch.int64)
        mask = torch.ones_like(prompts)
        model.generate(prompts, attention_mask=mask, do_sample=False, max_new_tokens=new_tokens)

    return run


def _peer(kind: str, config: ModelConfig) -> nn.Module:
    if kind == "GPT-2":
        return transformers.GPT2LMHeadModel(
            transformers.GPT2Config(
                vocab_size=VOCAB,
                n_positions=config.max_seq_len,
                n_embd=config.d_model,
                n_layer=config.n_layers,
                n_head=config.n_heads,
                **NO_END,
            )
        ).eval()
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=VOCAB,
            hidden_size=config.d_model,
            intermediate_size=config.d_ff,
            num_hidden_layers=config.n_layers,
            num_attention_heads=config.n_heads,
            max_position_embeddings=config.max_seq_len,
            tie_word_embeddings=True,
            **NO_END,
        )
    ).eval()


def _alternate(
    generations: dict[str, Generation], *, rounds: int, new_tokens: int
) -> dict[tuple[str, int], float]:
    """Median tokens a second by name and number of prompts."""
    seconds: dict[tuple[str, int], list[float]] = {}
    for _ in range(1 + rounds):  # the first is to warm up
        for n in (1, BATCH):
            for name, run in generations.items():
                since = time.perf_counter()
                run(n)
                seconds.setdefault((name, n), []).append(time.perf_counter() - since)
    return {
        (name, n): n * new_tokens / statistics.median(kept[1:])
        for (name, n), kept in seconds.items()
    }


if __name__ == "__main__":
    main()
