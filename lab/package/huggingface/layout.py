"""How an architecture stores a model's parameters: their names, and how it bends them.

A role is what a parameter does in a model, whatever it is called: `q`, `mlp_norm`, `head`. Roles
stored as one tensor have one of their own: `qkv` for `q`, `k` and `v`, `gate_up` for `gate` and
`up`. A name holds `{n}` where it stands for every layer and `{h}` where for every head.
"""

from collections.abc import Mapping
from dataclasses import dataclass

FUSED = {"qkv": ("q", "k", "v"), "gate_up": ("gate", "up")}
ATTENTION = frozenset({"qkv", "q", "k", "v", "o"})
MLP = frozenset({"gate_up", "gate", "up", "down"})
QK_NORMS = frozenset({"q_norm", "k_norm"})
TABLES = frozenset({"embedding", "positions", "head"})


@dataclass(frozen=True)
class Layout:
    """`names`: role to name, without `.weight` and `.bias`.

    transposed: projections are stored (in, out), not (out, in).
    interleaved: `qkv` holds query, key and value of the first head, then of the next.
    norm_offset: a norm multiplies by its stored weight plus this.
    scaled_embedding: embeddings are multiplied by sqrt(d_model) after they are looked up.
    position_offset: rows of the position table before that of position 0.
    norm_bias, qk_norm_bias: whether norms have a bias.
    """

    names: Mapping[str, str]
    transposed: bool = False
    interleaved: bool = False
    norm_offset: float = 0.0
    scaled_embedding: bool = False
    position_offset: int = 0
    norm_bias: bool = False
    qk_norm_bias: bool = False


# The lab's own model (lab.model).
LAB = Layout(
    {
        "embedding": "embedding",
        "positions": "position.table",
        "attention_norm": "blocks.{n}.attention_norm",
        "qkv": "blocks.{n}.attention.qkv_proj",
        "q_norm": "blocks.{n}.attention.q_norm",
        "k_norm": "blocks.{n}.attention.k_norm",
        "o": "blocks.{n}.attention.o_proj",
        "attention_out_norm": "blocks.{n}.attention_out_norm",
        "mlp_norm": "blocks.{n}.mlp_norm",
        "gate_up": "blocks.{n}.mlp.gate_up_proj",
        "up": "blocks.{n}.mlp.up_proj",
        "down": "blocks.{n}.mlp.down_proj",
        "mlp_out_norm": "blocks.{n}.mlp_out_norm",
        "final_norm": "final_norm",
        "head": "head",
    },
    norm_bias=True,
    qk_norm_bias=True,
)
