"""GPT-2 and Llama of `transformers`, of the shape of one of our configs.

They are what `transformers` makes of its own config classes, with the attention and the activation
that it picks itself: no dropout, since ours has none, no special tokens, which this vocabulary
lacks, and no cache but in generation, where alone it is of use.
"""

import logging
from typing import Any

from torch import Tensor, nn

from lab.bench.shapes import EXACT, LLAMA
from lab.config.model import ModelConfig

NAME = "transformers"
DEFAULTS = {
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
    "use_cache": False,
}


def build(kind: str, config: ModelConfig, vocab_size: int, **more: Any) -> Any:
    """A model with random weights; `more` are settings of its config."""
    logging.disable(logging.WARNING)  # what is told of libraries that nobody asked for
    try:
        return _built(kind, config, vocab_size, {**DEFAULTS, **more})
    finally:
        logging.disable(logging.NOTSET)


def _built(kind: str, config: ModelConfig, vocab_size: int, more: dict[str, Any]) -> Any:
    import transformers

    if kind == LLAMA:
        return transformers.LlamaForCausalLM(
            transformers.LlamaConfig(
                vocab_size=vocab_size,
                hidden_size=config.d_model,
                intermediate_size=config.d_ff,
                num_hidden_layers=config.n_layers,
                num_attention_heads=config.n_heads,
                max_position_embeddings=config.max_seq_len,
                tie_word_embeddings=True,
                **more,
            )
        )
    if kind == EXACT:
        more = {"activation_function": "gelu", **more}
    return transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=vocab_size,
            n_positions=config.max_seq_len,
            n_embd=config.d_model,
            n_layer=config.n_layers,
            n_head=config.n_heads,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            **more,
        )
    )


def attention(kind: str, model: Any) -> nn.Module:
    """Of the first layer: states (B, T, D) in, and out."""
    if kind == LLAMA:
        return _Positioned(model, model.model.layers[0].self_attn)
    return _Alone(model.transformer.h[0].attn)


def block(kind: str, model: Any) -> nn.Module:
    """The first layer: states (B, T, D) in, and out."""
    if kind == LLAMA:
        return _Positioned(model, model.model.layers[0])
    return _Alone(model.transformer.h[0])


class _Alone(nn.Module):
    """The first of what a part returns."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, x: Tensor) -> Tensor:
        found = self.part(x)
        states: Tensor = found if isinstance(found, Tensor) else found[0]
        return states


class _Positioned(nn.Module):
    """A part that is told its rotations, which its model works out once a pass."""

    def __init__(self, model: Any, part: nn.Module) -> None:
        import torch

        super().__init__()
        self.part = part
        self.rotary = model.model.rotary_emb
        self.positions = torch.arange(model.config.max_position_embeddings)[None]

    def forward(self, x: Tensor) -> Tensor:
        turns = self.rotary(x, self.positions[:, : x.shape[1]].to(x.device))
        found = self.part(x, position_embeddings=turns, attention_mask=None)
        states: Tensor = found if isinstance(found, Tensor) else found[0]
        return states
