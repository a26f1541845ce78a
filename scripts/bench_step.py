"""Time of a training step against `transformers`, both in this process, in turn, on one thread.

    python scripts/bench_step.py

Prints the median milliseconds of a step (forward, backward, clipping, AdamW) of this lab's model
and of Hugging Face's GPT-2 and Llama of the same shape with every dropout 0, and the ratio of the
two. Steps alternate, so that whatever else the machine does falls on both.
"""

import statistics
import time
from collections.abc import Callable

import torch
import transformers
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from lab.config.model import ModelConfig
from lab.model.gpt import build_model
from lab.train.evaluation import cross_entropy

ROUNDS, WARM_UP = 40, 5
SHAPES = {
    "posenc": {"n_layers": 2, "n_heads": 4, "d_model": 64, "max_seq_len": 64},
    "nanogpt-cpu": {"n_layers": 4, "n_heads": 4, "d_model": 128, "max_seq_len": 64},
}
BATCH = {"posenc": 16, "nanogpt-cpu": 12}
VOCAB = 65
LLAMA = {"position": {"kind": "rope"}, "norm": {"kind": "rmsnorm"}, "mlp": {"kind": "swiglu"}}


def main() -> None:
    torch.set_num_threads(1)
    table = Table("shape", "model", "ours, ms", "transformers, ms", "ours / theirs")
    for name, shape in SHAPES.items():
        ids = torch.randint(VOCAB, (BATCH[name], shape["max_seq_len"] + 1))
        for kind, choices in (("GPT-2", {"bias": True}), ("Llama", LLAMA)):
            config = ModelConfig.parse({**shape, **choices})
            ours = _step(build_model(config, VOCAB, seed=0), ids, fused=True, logits=lambda y: y)
            theirs = _step(_peer(kind, config), ids, fused=False, logits=lambda y: y.logits)
            mine, other = _alternate(ours, theirs)
            table.add_row(name, kind, f"{mine:.1f}", f"{other:.1f}", f"{mine / other:.2f}")
    Console().print(table)


def _peer(kind: str, config: ModelConfig) -> nn.Module:
    if kind == "GPT-2":
        return transformers.GPT2LMHeadModel(
            transformers.GPT2Config(
                vocab_size=VOCAB,
                n_positions=config.max_seq_len,
                n_embd=config.d_model,
                n_layer=config.n_layers,
                n_head=config.n_heads,
                resid_pdrop=0.0,
                embd_pdrop=0.0,
                attn_pdrop=0.0,
                activation_function="gelu",
                use_cache=False,
            )
        )
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=VOCAB,
            hidden_size=config.d_model,
            intermediate_size=config.d_ff,
            num_hidden_layers=config.n_layers,
            num_attention_heads=config.n_heads,
            max_position_embeddings=config.max_seq_len,
            tie_word_embeddings=True,
            use_cache=False,
        )
    )


def _step(
    model: nn.Module, ids: Tensor, *, fused: bool, logits: Callable[..., Tensor]
) -> Callable[[], None]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=fused)

    def step() -> None:
        cross_entropy(logits(model(ids[:, :-1])), ids[:, 1:]).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def _alternate(ours: Callable[[], None], theirs: Callable[[], None]) -> tuple[float, float]:
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(WARM_UP + ROUNDS):
        for step, kept in zip((ours, theirs), times, strict=True):
            since = time.perf_counter()
            step()
            kept.append(1e3 * (time.perf_counter() - since))
    mine, other = (statistics.median(kept[WARM_UP:]) for kept in times)
    return mine, other


if __name__ == "__main__":
    main()
