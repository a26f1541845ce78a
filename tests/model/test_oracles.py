"""Whole models against Hugging Face's implementations of the same architecture, in float64."""

import torch
import transformers
from torch import Tensor

from lab.model.gpt import GPT
from tests.model.configs import VOCAB, config_of
from tests.model.oracles import (
    LLAMA_NORMS,
    ROPE_500,
    as_llama,
    assert_equal,
    by_table,
    gpt2_shape,
    llama_shape,
)


def test_equals_gpt2() -> None:
    """Learned positions, LayerNorm before, the tanh GELU, biases, tied."""
    config = config_of(bias=True, mlp={"kind": "gelu", "approximate": "tanh"})
    names = {
        "embedding.": "transformer.wte.",
        "position.table.": "transformer.wpe.",
        "final_norm.": "transformer.ln_f.",
        "blocks.": "transformer.h.",
        "attention_norm": "ln_1",
        "mlp_norm": "ln_2",
        "attention.qkv_proj": "attn.c_attn",
        "attention.o_proj": "attn.c_proj",
        "up_proj": "c_fc",
        "down_proj": "c_proj",
        "head.": "lm_head.",
    }
    shape = transformers.GPT2Config(**gpt2_shape(config, activation_function="gelu_new"))
    renamed = by_table(names, turned=".c_")
    assert_equal(config, transformers.GPT2LMHeadModel, shape, renamed)


def test_equals_the_first_gpt() -> None:
    """Norms after each branch, and none before the head."""
    mlp = {"kind": "gelu", "approximate": "tanh"}
    config = config_of(bias=True, norm_placement="post", mlp=mlp)
    names = {
        "embedding.": "transformer.tokens_embed.",
        "position.table.": "transformer.positions_embed.",
        "blocks.": "transformer.h.",
        "attention_norm": "ln_1",
        "mlp_norm": "ln_2",
        "attention.qkv_proj": "attn.c_attn",
        "attention.o_proj": "attn.c_proj",
        "up_proj": "c_fc",
        "down_proj": "c_proj",
        "head.": "lm_head.",
    }
    shape = transformers.OpenAIGPTConfig(**gpt2_shape(config))
    renamed = by_table(names, turned=".c_")
    assert_equal(config, transformers.OpenAIGPTLMHeadModel, shape, renamed)


def test_equals_opt() -> None:
    """ReLU of a free width."""
    config = config_of(bias=True, mlp={"kind": "relu", "d_ff": 21})
    kv = config.d_model

    def renamed(model: GPT) -> dict[str, Tensor]:
        names = {
            "embedding.": "model.decoder.embed_tokens.",
            "position.table.": "model.decoder.embed_positions.",
            "blocks.": "model.decoder.layers.",
            "attention_norm": "self_attn_layer_norm",
            "mlp_norm": "final_layer_norm",
            "final_norm.": "model.decoder.final_layer_norm.",
            "attention.o_proj": "self_attn.out_proj",
            "mlp.up_proj": "fc1",
            "mlp.down_proj": "fc2",
            "head.": "lm_head.",
        }
        found = by_table(names)(model)
        for name in [name for name in found if "qkv_proj" in name]:
            for letter, rows in zip("qkv", found.pop(name).split(kv), strict=True):
                found[name.replace("attention.qkv", f"self_attn.{letter}")] = rows
        table = "model.decoder.embed_positions.weight"
        found[table] = torch.cat([torch.zeros(2, config.d_model), found[table]])  # never read
        return found

    shape = transformers.OPTConfig(
        vocab_size=VOCAB,
        hidden_size=config.d_model,
        ffn_dim=21,
        num_hidden_layers=config.n_layers,
        num_attention_heads=config.n_heads,
        max_position_embeddings=config.max_seq_len,
        activation_function="relu",
        tie_word_embeddings=True,
    )
    assert_equal(config, transformers.OPTForCausalLM, shape, renamed)


def test_equals_mpt() -> None:
    """ALiBi, also for heads that are no power of two, the exact GELU, no biases."""
    names = {
        "embedding.": "transformer.wte.",
        "final_norm.": "transformer.norm_f.",
        "blocks.": "transformer.blocks.",
        "attention_norm": "norm_1",
        "mlp_norm": "norm_2",
        "attention.qkv_proj": "attn.Wqkv",
        "attention.o_proj": "attn.out_proj",
        "mlp.": "ffn.",
        "head.": "lm_head.",
    }
    for n_heads in (4, 5, 6):
        config = config_of(position={"kind": "alibi"}, n_heads=n_heads, d_model=4 * n_heads)
        shape = transformers.MptConfig(
            vocab_size=VOCAB,
            d_model=config.d_model,
            n_heads=n_heads,
            n_layers=config.n_layers,
            max_seq_len=config.max_seq_len,
        )
        renamed = by_table(names)
        assert_equal(config, transformers.MptForCausalLM, shape, renamed)


def test_equals_gpt_neox() -> None:
    """Half of each head rotated, and its pairs; the exact GELU; untied."""
    rope = {"kind": "rope", "share": 0.5, "theta": 500.0}
    config = config_of(bias=True, tie_embeddings=False, position=rope)

    def renamed(model: GPT) -> dict[str, Tensor]:
        names = {
            "embedding.": "gpt_neox.embed_in.",
            "blocks.": "gpt_neox.layers.",
            "attention_norm": "input_layernorm",
            "mlp_norm": "post_attention_layernorm",
            "final_norm.": "gpt_neox.final_layer_norm.",
            "attention.qkv_proj": "attention.query_key_value",
            "attention.o_proj": "attention.dense",
            "mlp.up_proj": "mlp.dense_h_to_4h",
            "mlp.down_proj": "mlp.dense_4h_to_h",
            "head.": "embed_out.",
        }
        found = by_table(names)(model)
        for name in [name for name in found if "query_key_value" in name]:
            heads = found[name].unflatten(0, (3, config.n_heads, config.head_dim))
            found[name] = heads.transpose(0, 1).flatten(0, 2)  # q, k, v of each head
        return {name.replace("embed_out", "lm_head"): value for name, value in found.items()}

    shape = llama_shape(config, rope_parameters={**ROPE_500, "partial_rotary_factor": 0.5})
    neox = transformers.GPTNeoXConfig(
        **shape, use_parallel_residual=False, layer_norm_eps=1e-5, hidden_act="gelu"
    )
    assert_equal(config, transformers.GPTNeoXForCausalLM, neox, renamed)


def test_equals_nemotron() -> None:
    """ReLU², LayerNorm, half of each head rotated, keys and values shared in groups."""
    config = config_of(
        bias=True,
        tie_embeddings=False,
        mlp={"kind": "relu2"},
        attention={"kind": "grouped-query", "n_kv_heads": 2},
        position={"kind": "rope", "share": 0.5, "theta": 500.0},
    )
    rope = {**ROPE_500, "partial_rotary_factor": 0.5}
    more = {"rope_parameters": rope, "attention_bias": True, "mlp_bias": True}
    shape = transformers.NemotronConfig(**llama_shape(config, **more))
    renamed = as_llama(LLAMA_NORMS, less_one=True)
    assert_equal(config, transformers.NemotronForCausalLM, shape, renamed)


def test_equals_llama() -> None:
    """RoPE with its positions stretched, RMSNorm, SwiGLU, untied, one head of keys for all."""
    linear = {"kind": "linear", "factor": 2.0}
    config = config_of(
        position={"kind": "rope", "theta": 500.0, "scaling": linear},
        norm={"kind": "rmsnorm", "eps": 1e-6},
        mlp={"kind": "swiglu"},
        attention={"kind": "multi-query"},
        tie_embeddings=False,
    )
    rope = {"rope_type": "linear", "rope_theta": 500.0, "factor": 2.0}
    more = {"rope_parameters": rope, "rms_norm_eps": 1e-6}
    shape = transformers.LlamaConfig(**llama_shape(config, **more))
    renamed = as_llama(LLAMA_NORMS)
    assert_equal(config, transformers.LlamaForCausalLM, shape, renamed)


def test_equals_qwen3() -> None:
    """Queries and keys normalised before they are rotated, in groups, within a window."""
    config = config_of(
        position={"kind": "rope", "theta": 500.0},
        norm={"kind": "rmsnorm", "eps": 1e-4},
        mlp={"kind": "swiglu", "d_ff": 21},
        attention={"kind": "grouped-query", "n_kv_heads": 2, "qk_norm": True, "window": 4},
    )
    window = {
        "use_sliding_window": True,
        "sliding_window": 4,
        "layer_types": ["sliding_attention"] * config.n_layers,
        "rms_norm_eps": 1e-4,
    }
    shape = transformers.Qwen3Config(**llama_shape(config, **window))
    renamed = as_llama(LLAMA_NORMS)
    assert_equal(config, transformers.Qwen3ForCausalLM, shape, renamed)


def test_equals_gemma2() -> None:
    """Norms on both sides of each branch, GeGLU by tanh, a cap on the logits."""
    config = config_of(
        d_model=16,  # by whose root they multiply the embedding, in float32
        position={"kind": "rope", "theta": 500.0},
        norm={"kind": "rmsnorm", "eps": 1e-6},
        norm_placement="sandwich",
        mlp={"kind": "geglu", "approximate": "tanh"},
        attention={"kind": "grouped-query", "n_kv_heads": 2},
        logit_cap=3.0,
        tie_embeddings=False,
    )
    norms = {
        "attention_norm": "input_layernorm",
        "attention_out_norm": "post_attention_layernorm",
        "mlp_norm": "pre_feedforward_layernorm",
        "mlp_out_norm": "post_feedforward_layernorm",
    }

    def renamed(model: GPT) -> dict[str, Tensor]:
        found = as_llama(norms, less_one=True)(model)
        found["model.embed_tokens.weight"] = found["model.embed_tokens.weight"] / 4
        return found

    shape = transformers.Gemma2Config(
        **llama_shape(config),
        layer_types=["full_attention"] * config.n_layers,
        query_pre_attn_scalar=config.head_dim,
        attn_logit_softcapping=None,
        final_logit_softcapping=3.0,
        hidden_activation="gelu_pytorch_tanh",
    )
    assert_equal(config, transformers.Gemma2ForCausalLM, shape, renamed)
