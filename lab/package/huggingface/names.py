"""What each architecture calls its parameters: role (see `layout`) to name."""

GPT2 = {
    "embedding": "transformer.wte",
    "positions": "transformer.wpe",
    "attention_norm": "transformer.h.{n}.ln_1",
    "qkv": "transformer.h.{n}.attn.c_attn",
    "o": "transformer.h.{n}.attn.c_proj",
    "mlp_norm": "transformer.h.{n}.ln_2",
    "up": "transformer.h.{n}.mlp.c_fc",
    "down": "transformer.h.{n}.mlp.c_proj",
    "final_norm": "transformer.ln_f",
    "head": "lm_head",
}
OPT = {
    "embedding": "model.decoder.embed_tokens",
    "positions": "model.decoder.embed_positions",
    "attention_norm": "model.decoder.layers.{n}.self_attn_layer_norm",
    "q": "model.decoder.layers.{n}.self_attn.q_proj",
    "k": "model.decoder.layers.{n}.self_attn.k_proj",
    "v": "model.decoder.layers.{n}.self_attn.v_proj",
    "o": "model.decoder.layers.{n}.self_attn.out_proj",
    "mlp_norm": "model.decoder.layers.{n}.final_layer_norm",
    "up": "model.decoder.layers.{n}.fc1",
    "down": "model.decoder.layers.{n}.fc2",
    "head": "lm_head",
}
MPT = {
    "embedding": "transformer.wte",
    "attention_norm": "transformer.blocks.{n}.norm_1",
    "qkv": "transformer.blocks.{n}.attn.Wqkv",
    "o": "transformer.blocks.{n}.attn.out_proj",
    "mlp_norm": "transformer.blocks.{n}.norm_2",
    "up": "transformer.blocks.{n}.ffn.up_proj",
    "down": "transformer.blocks.{n}.ffn.down_proj",
    "final_norm": "transformer.norm_f",
    "head": "lm_head",
}
LLAMA = {
    "embedding": "model.embed_tokens",
    "attention_norm": "model.layers.{n}.input_layernorm",
    "q": "model.layers.{n}.self_attn.q_proj",
    "k": "model.layers.{n}.self_attn.k_proj",
    "v": "model.layers.{n}.self_attn.v_proj",
    "o": "model.layers.{n}.self_attn.o_proj",
    "mlp_norm": "model.layers.{n}.post_attention_layernorm",
    "gate": "model.layers.{n}.mlp.gate_proj",
    "up": "model.layers.{n}.mlp.up_proj",
    "down": "model.layers.{n}.mlp.down_proj",
    "final_norm": "model.norm",
    "head": "lm_head",
}
QK_NORM = {
    "q_norm": "model.layers.{n}.self_attn.q_norm",
    "k_norm": "model.layers.{n}.self_attn.k_norm",
}
_NEOX_PARTS = {
    "qkv": "attention.query_key_value",
    "o": "attention.dense",
    "up": "mlp.dense_h_to_4h",
    "down": "mlp.dense_4h_to_h",
    "attention_norm": "input_layernorm",
    "mlp_norm": "post_attention_layernorm",
}
NEOX = {
    "embedding": "gpt_neox.embed_in",
    **{role: "gpt_neox.layers.{n}." + name for role, name in _NEOX_PARTS.items()},
    "final_norm": "gpt_neox.final_layer_norm",
    "head": "embed_out",
}
PERSIMMON = {
    "embedding": "model.embed_tokens",
    **{
        role: "model.layers.{n}." + name.replace("attention.", "self_attn.")
        for role, name in _NEOX_PARTS.items()
    },
    "q_norm": "model.layers.{n}.self_attn.q_layernorm",
    "k_norm": "model.layers.{n}.self_attn.k_layernorm",
    "final_norm": "model.final_layernorm",
    "head": "lm_head",
}
STABLELM = LLAMA | {
    "q_norm": "model.layers.{n}.self_attn.q_layernorm.norms.{h}",
    "k_norm": "model.layers.{n}.self_attn.k_layernorm.norms.{h}",
}
STARCODER2 = LLAMA | {
    "up": "model.layers.{n}.mlp.c_fc",
    "down": "model.layers.{n}.mlp.c_proj",
}
APERTUS = LLAMA | {
    "attention_norm": "model.layers.{n}.attention_layernorm",
    "mlp_norm": "model.layers.{n}.feedforward_layernorm",
    **QK_NORM,
}
PHI3 = LLAMA | {
    "qkv": "model.layers.{n}.self_attn.qkv_proj",
    "gate_up": "model.layers.{n}.mlp.gate_up_proj",
}
VAULTGEMMA = LLAMA | {"mlp_norm": "model.layers.{n}.pre_feedforward_layernorm"}
GEMMA2 = VAULTGEMMA | {
    "attention_out_norm": "model.layers.{n}.post_attention_layernorm",
    "mlp_out_norm": "model.layers.{n}.post_feedforward_layernorm",
}
