"""Hugging Face's models with our weights in them, in float64.

Their code goes back to float32 at places, whatever the model's precision: in rotation tables, some
norms, some softmaxes. Here it is held to float64, so that nothing but rounding is left.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from lab.config.model import ModelConfig
from lab.model.gpt import GPT, build_model
from tests.huggingface import TrueFloat64
from tests.model.configs import VOCAB, random_ids, scrambled

ROPE_500 = {"rope_type": "default", "rope_theta": 500.0}
LLAMA_NORMS = {"attention_norm": "input_layernorm", "mlp_norm": "post_attention_layernorm"}


def assert_equal(
    config: ModelConfig,
    architecture: Callable[..., Any],
    theirs_config: Any,
    renamed: Callable[[GPT], Mapping[str, Tensor]],
) -> None:
    """Our weights under their names, all of them and no other, give our logits."""
    ours = scrambled(build_model(config, VOCAB, seed=0))
    ids = random_ids(2, config.max_seq_len)
    with TrueFloat64():
        theirs = architecture(theirs_config).eval().double()
        theirs.load_state_dict({name: t.detach() for name, t in renamed(ours).items()}, strict=True)
        expected = theirs(ids).logits
    torch.testing.assert_close(ours(ids), expected, rtol=0, atol=1e-11)


def by_table(table: Mapping[str, str], *, turned: str = "never") -> Callable[[GPT], dict[str, Any]]:
    """Parts of names replaced, in order; matrices whose name holds `turned` are transposed."""

    def renamed(model: GPT) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for name, value in model.state_dict().items():
            for old, new in table.items():
                name = name.replace(old, new)
            found[name] = value.T if turned in name and value.ndim == 2 else value
        return found

    return renamed


def as_llama(norms: Mapping[str, str], *, less_one: bool = False) -> Callable[[GPT], Any]:
    """Names of Llama's descendants; `less_one` where their norms multiply by 1 + weight."""

    def renamed(model: GPT) -> dict[str, Tensor]:
        config, found = model.config, dict[str, Tensor]()
        kv = config.n_kv_heads * config.head_dim
        for name, value in model.state_dict().items():
            name, _, leaf = name.replace("blocks.", "model.layers.").rpartition(".")
            home, _, part = name.rpartition(".")
            if less_one and part.endswith("norm") and leaf == "weight":
                value = value - 1
            match part:
                case "qkv_proj":
                    rows = value.split([config.d_model, kv, kv])
                    names = [home.replace("attention", f"self_attn.{x}_proj") for x in "qkv"]
                    found |= {f"{n}.{leaf}": r for n, r in zip(names, rows, strict=True)}
                case "gate_up_proj":
                    gate, up = value.chunk(2)
                    found |= {f"{home}.gate_proj.{leaf}": gate, f"{home}.up_proj.{leaf}": up}
                case "o_proj" | "q_norm" | "k_norm":
                    found[f"{home.replace('attention', 'self_attn')}.{part}.{leaf}"] = value
                case "embedding":
                    found["model.embed_tokens.weight"] = value
                case "final_norm":
                    found[f"model.norm.{leaf}"] = value
                case "head":
                    found["lm_head.weight"] = value
                case _:
                    found[f"{home}.{norms.get(part, part)}.{leaf}"] = value
        return found

    return renamed


def llama_shape(config: ModelConfig, **more: Any) -> dict[str, Any]:
    return {
        "vocab_size": VOCAB,
        "hidden_size": config.d_model,
        "intermediate_size": config.d_ff,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.n_heads,
        "num_key_value_heads": config.n_kv_heads,
        "head_dim": config.head_dim,
        "max_position_embeddings": config.max_seq_len,
        "rope_parameters": ROPE_500,
        "tie_word_embeddings": config.tie_embeddings,
        **more,
    }


def gpt2_shape(config: ModelConfig, **more: Any) -> dict[str, Any]:
    return {
        "vocab_size": VOCAB,
        "n_positions": config.max_seq_len,
        "n_embd": config.d_model,
        "n_layer": config.n_layers,
        "n_head": config.n_heads,
        **more,
    }
