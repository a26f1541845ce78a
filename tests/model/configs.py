"""Members of the model family for tests: named ones, all that go together, and any drawn one."""

import itertools
import random
from collections.abc import Iterator
from typing import Any, TypeVar

import torch
from hypothesis import strategies as st
from torch import nn

from lab.config.model import ModelConfig

Model = TypeVar("Model", bound=nn.Module)

VOCAB = 37
SHAPE = {"n_layers": 2, "n_heads": 4, "d_model": 32, "max_seq_len": 11}

POSITIONS: dict[str, dict[str, Any]] = {
    "learned": {"kind": "learned"},
    "sinusoidal": {"kind": "sinusoidal", "amplitude": 0.2},
    "rope": {"kind": "rope"},
    "rope-part-linear": {
        "kind": "rope",
        "share": 0.5,
        "theta": 500.0,
        "scaling": {"kind": "linear", "factor": 2.5},
    },
    "rope-ntk": {"kind": "rope", "scaling": {"kind": "ntk", "factor": 4.0}},
    "alibi": {"kind": "alibi"},
    "none": {"kind": "none"},
}
NORMS: dict[str, dict[str, Any]] = {
    "layernorm": {"kind": "layernorm"},
    "rmsnorm": {"kind": "rmsnorm"},
}
MLPS: dict[str, dict[str, Any]] = {
    "gelu": {"kind": "gelu"},
    "relu": {"kind": "relu"},
    "relu2": {"kind": "relu2", "d_ff": 40},
    "swiglu": {"kind": "swiglu"},
    "geglu": {"kind": "geglu", "approximate": "tanh"},
    "no-mlp": {"kind": "none"},
}
ATTENTIONS: dict[str, dict[str, Any]] = {
    "multi-head": {"kind": "multi-head"},
    "multi-head-plain": {"kind": "multi-head", "path": "plain", "bias": True},
    "multi-head-qk-norm": {"kind": "multi-head", "qk_norm": True},
    "grouped-query": {"kind": "grouped-query", "n_kv_heads": 2},
    "grouped-query-qk-norm": {"kind": "grouped-query", "n_kv_heads": 2, "qk_norm": True},
    "multi-query-window": {"kind": "multi-query", "window": 4},
}
PLACEMENTS = ("pre", "post", "sandwich")


def _family() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every position x norm x MLP, the rest drawn for each."""
    for number, members in enumerate(itertools.product(POSITIONS, NORMS, MLPS)):
        position, norm, mlp = members
        rng = random.Random(number)
        attention, placement = rng.choice([*ATTENTIONS]), rng.choice(PLACEMENTS)
        yield (
            "-".join((*members, attention, placement)),
            {
                "position": POSITIONS[position],
                "norm": NORMS[norm],
                "mlp": MLPS[mlp],
                "attention": ATTENTIONS[attention],
                "norm_placement": placement,
                "logit_cap": rng.choice([None, 20.0]),
            },
        )


def config_of(**choices: Any) -> ModelConfig:
    return ModelConfig.parse({**SHAPE, **choices})


def random_ids(*shape: int, seed: int = 0, vocab: int = VOCAB) -> torch.Tensor:
    return torch.randint(vocab, shape, generator=torch.Generator().manual_seed(seed))


def scrambled(model: Model, *, by: float = 0.2) -> Model:
    """In float64, every parameter, biases and norm weights too, moved from its initial value."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * by)
    return model.eval().double()


FAMILY = dict(_family())  # fit to SHAPE


@st.composite
def model_configs(
    draw: st.DrawFn, *, max_layers: int = 2, max_seq_len: int = 12, dropout: bool = False
) -> ModelConfig:
    """Any config that makes sense, small enough for a model of it to be built in milliseconds."""
    n_heads = draw(st.sampled_from([1, 2, 3, 4, 6]))
    head_dim = draw(st.integers(2 if n_heads == 1 else 1, 6))
    length = draw(st.integers(3, max_seq_len))
    return ModelConfig.parse({
        "n_layers": draw(st.integers(1, max_layers)),
        "n_heads": n_heads,
        "d_model": n_heads * head_dim,
        "max_seq_len": length,
        "position": draw(positions(n_heads, head_dim)),
        "norm": {"kind": draw(st.sampled_from([*NORMS])), "eps": draw(st.floats(1e-6, 1e-3))},
        "norm_placement": draw(st.sampled_from(PLACEMENTS)),
        "mlp": draw(mlps()),
        "attention": draw(attentions(n_heads, head_dim, length)),
        "bias": draw(st.booleans()),
        "tie_embeddings": draw(st.booleans()),
        "dropout": draw(st.sampled_from([0.0, 0.3])) if dropout else 0.0,
        "logit_cap": draw(st.none() | st.floats(1.0, 50.0)),
        "init_std": draw(st.sampled_from([0.02, 0.2])),
    })  # fmt: skip


@st.composite
def positions(draw: st.DrawFn, n_heads: int, head_dim: int) -> dict[str, Any]:
    kinds = ["learned", "alibi", "none"]
    kinds += ["sinusoidal"] if n_heads * head_dim % 2 == 0 else []
    kinds += ["rope"] if head_dim > 1 else []
    match kind := draw(st.sampled_from(kinds)):
        case "sinusoidal":
            theta, amplitude = draw(st.floats(10, 1e5)), draw(st.floats(0.01, 1))
            return {"kind": kind, "theta": theta, "amplitude": amplitude}
        case "rope":
            rotated = 2 * draw(st.integers(1, head_dim // 2))
            scalings = ["none", "linear"] + (["ntk"] if rotated > 2 else [])
            scaling = {"kind": draw(st.sampled_from(scalings))}
            if scaling["kind"] != "none":
                scaling["factor"] = draw(st.floats(0.5, 16))
            share, theta = rotated / head_dim, draw(st.floats(10, 1e5))
            return {"kind": kind, "theta": theta, "share": share, "scaling": scaling}
        case _:
            return {"kind": kind}


@st.composite
def mlps(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["gelu", "relu", "relu2", "swiglu", "geglu", "none"]))
    found: dict[str, Any] = {"kind": kind}
    if kind != "none":
        found["d_ff"] = draw(st.none() | st.integers(1, 40))
    if kind in ("gelu", "geglu"):
        found["approximate"] = draw(st.sampled_from(["none", "tanh"]))
    return found


@st.composite
def attentions(draw: st.DrawFn, n_heads: int, head_dim: int, max_seq_len: int) -> dict[str, Any]:
    groups = [n for n in range(2, n_heads) if n_heads % n == 0]
    kinds = ["multi-head"] + (["multi-query"] if n_heads > 1 else [])
    kinds += ["grouped-query"] if groups else []
    found: dict[str, Any] = {"kind": draw(st.sampled_from(kinds))}
    if found["kind"] == "grouped-query":
        found["n_kv_heads"] = draw(st.sampled_from(groups))
    return found | {
        "window": draw(st.none() | st.integers(2, max_seq_len - 1)),
        "qk_norm": head_dim > 1 and draw(st.booleans()),
        "bias": draw(st.none() | st.booleans()),
        "path": draw(st.sampled_from(["sdpa", "plain"])),
    }
