"""What config.json says of a model, in the words of each architecture (transformers 5).

The vocabulary, special tokens and tying are the same words everywhere, and are written elsewhere.
"""

from typing import Any

from lab.config.mlp import GegluMLP, GeluMLP, NoMLP
from lab.config.model import ModelConfig
from lab.config.position import LinearScaling, RopePosition
from lab.package.huggingface.scope import Bias

Settings = dict[str, Any]


def d_ff(config: ModelConfig) -> int:
    """1 without an MLP: no architecture has a width of 0."""
    return config.d_ff or 1


def activation(config: ModelConfig) -> str:
    match config.mlp:
        case GeluMLP(approximate="none") | GegluMLP(approximate="none"):
            return "gelu"
        case GeluMLP() | GegluMLP():
            return "gelu_pytorch_tanh"
        case NoMLP():
            return "relu"
        case mlp:
            return {"relu": "relu", "relu2": "relu2", "swiglu": "silu"}[mlp.kind]


def rope_parameters(config: ModelConfig) -> Settings:
    """transformers takes the whole part of head_dim * partial_rotary_factor.

    Where that is none of a head, there are no positions.
    """
    if not isinstance(config.position, RopePosition):
        return {"rope_type": "default", "rope_theta": 10_000.0, "partial_rotary_factor": 0.0}
    rope = config.position
    rotated = rope.rotated(config.head_dim)
    theta, factor = rope.scaling.frequency(rope.theta, rotated)
    found: Settings = {"rope_type": "default", "rope_theta": theta}
    if isinstance(rope.scaling, LinearScaling):
        found |= {"rope_type": "linear", "factor": factor}
    share = rotated / config.head_dim
    if int(config.head_dim * share) < rotated:
        share = (rotated + 0.5) / config.head_dim
    return found | {"partial_rotary_factor": share}


def gpt2(config: ModelConfig) -> Settings:
    return {
        "n_embd": config.d_model,
        "n_layer": config.n_layers,
        "n_head": config.n_heads,
        "n_positions": config.max_seq_len,
        "n_inner": d_ff(config),
        "activation_function": activation(config),
        "layer_norm_epsilon": config.norm.eps,
        "resid_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "attn_pdrop": config.dropout,
        "initializer_range": config.init_std,
    }


def opt(config: ModelConfig) -> Settings:
    return {
        "hidden_size": config.d_model,
        "word_embed_proj_dim": config.d_model,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.n_heads,
        "ffn_dim": d_ff(config),
        "max_position_embeddings": config.max_seq_len,
        "activation_function": activation(config),
        "do_layer_norm_before": False,
        "enable_bias": any(Bias.TOGETHER.written(config)),
        "dropout": config.dropout,
        "attention_dropout": config.dropout,
        "init_std": config.init_std,
    }


def mpt(config: ModelConfig) -> Settings:
    return {
        "d_model": config.d_model,
        "n_layers": config.n_layers,
        "n_heads": config.n_heads,
        "max_seq_len": config.max_seq_len,
        "expansion_ratio": 4,
        "layer_norm_epsilon": config.norm.eps,
        "learned_pos_emb": False,
        "no_bias": True,
        "attn_config": {"alibi": True, "alibi_bias_max": 8, "attn_type": "multihead_attention"},
        "initializer_range": config.init_std,
    }


def _modern(config: ModelConfig, *, eps: str, act: str = "hidden_act") -> Settings:
    """What the many descendants of Llama call alike; `eps` and `act` differ."""
    return {
        "hidden_size": config.d_model,
        "intermediate_size": d_ff(config),
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.n_heads,
        "num_key_value_heads": config.n_kv_heads,
        "head_dim": config.head_dim,
        "max_position_embeddings": config.max_seq_len,
        "attention_dropout": config.dropout,
        "initializer_range": min(config.init_std, 1.0),
        "rope_parameters": rope_parameters(config),
        act: activation(config),
        eps: config.norm.eps,
    }


def _biases(config: ModelConfig) -> Settings:
    attention, mlp = Bias.SEPARATE.written(config)
    return {"attention_bias": attention, "mlp_bias": mlp}


def _attention_bias(config: ModelConfig) -> Settings:
    return {"attention_bias": Bias.ATTENTION.written(config)[0]}


def _windowed(config: ModelConfig) -> Settings:
    """Layer by layer, as the newer ones want it."""
    window = config.attention.window
    kind = "full_attention" if window is None else "sliding_attention"
    return {"sliding_window": window, "layer_types": [kind] * config.n_layers}


def llama(config: ModelConfig) -> Settings:
    return _modern(config, eps="rms_norm_eps") | _biases(config)


def mistral(config: ModelConfig) -> Settings:
    return _modern(config, eps="rms_norm_eps") | {"sliding_window": config.attention.window}


def qwen3(config: ModelConfig) -> Settings:
    windowed = {"use_sliding_window": config.attention.window is not None, "max_window_layers": 0}
    return (
        _modern(config, eps="rms_norm_eps") | _attention_bias(config) | windowed | _windowed(config)
    )


def apertus(config: ModelConfig) -> Settings:
    return _modern(config, eps="rms_norm_eps") | _attention_bias(config)


def phi3(config: ModelConfig) -> Settings:
    return _modern(config, eps="rms_norm_eps") | {
        "resid_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "original_max_position_embeddings": config.max_seq_len,
        "sliding_window": config.attention.window,
    }


def smollm3(config: ModelConfig) -> Settings:
    """Without head_dim, which would have to be even as if it were rotated."""
    return (
        {name: value for name, value in llama(config).items() if name != "head_dim"}
        | _windowed(config)
        | {
            "no_rope_layers": [0] * config.n_layers,
            "use_sliding_window": config.attention.window is not None,
        }
    )


def gemma(config: ModelConfig) -> Settings:
    return (
        _modern(config, eps="rms_norm_eps", act="hidden_activation")
        | _attention_bias(config)
        | _windowed(config)
        | {
            "sliding_window": config.attention.window or config.max_seq_len,  # None is refused
            "query_pre_attn_scalar": config.head_dim,
            "attn_logit_softcapping": None,
            "final_logit_softcapping": config.logit_cap,
        }
    )


def gemma3(config: ModelConfig) -> Settings:
    rope = rope_parameters(config)
    kinds = {"full_attention": rope, "sliding_attention": dict(rope)}
    return gemma(config) | {"rope_parameters": kinds}


def neox(config: ModelConfig) -> Settings:
    return _modern(config, eps="layer_norm_eps") | {
        "use_parallel_residual": False,
        "hidden_dropout": config.dropout,
        **_attention_bias(config),
    }


def starcoder2(config: ModelConfig) -> Settings:
    return _modern(config, eps="norm_epsilon") | {
        "use_bias": any(Bias.TOGETHER.written(config)),
        "residual_dropout": config.dropout,
        "embedding_dropout": config.dropout,
        "sliding_window": config.attention.window,
    }


def nemotron(config: ModelConfig) -> Settings:
    return _modern(config, eps="norm_eps") | _biases(config)


def persimmon(config: ModelConfig) -> Settings:
    return _modern(config, eps="layer_norm_eps") | {
        "qk_layernorm": config.attention.qk_norm,
        "hidden_dropout": config.dropout,
    }


def stablelm(config: ModelConfig) -> Settings:
    return persimmon(config) | {"use_qkv_bias": False, "use_parallel_residual": False}
