"""The whole forward pass written out once more, from the papers' formulas alone.

Design choices:
- float64 in numpy, one text, loops over heads and positions: slow, and easy to compare with the
  page that a formula stands on;
- nothing of `lab.model` is used, only the names of parameters and the order of rows in a fused
  matrix (queries, keys, values; gate, up), which are part of the format of a package;
- one function a formula, its source in its docstring.

Shapes: T tokens, D d_model, K head_dim, V vocabulary.
"""

import math
from collections.abc import Mapping, Sequence
from typing import assert_never

import numpy as np
import numpy.typing as npt

from lab.config.mlp import GegluMLP, GeluMLP, NoMLP, ReluMLP, SquaredReluMLP, SwigluMLP
from lab.config.model import ModelConfig
from lab.config.norm import LayerNorm, RMSNorm
from lab.config.position import (
    AlibiPosition,
    LearnedPosition,
    LinearScaling,
    NtkScaling,
    RopePosition,
    SinusoidalPosition,
)

Array = npt.NDArray[np.float64]
Weights = Mapping[str, Array]


def logits(config: ModelConfig, weights: Weights, ids: Sequence[int]) -> Array:
    """(T, V) of one text (Radford et al. 2019, with the choices of the config)."""
    x = weights["embedding.weight"][list(ids)]
    match config.position:
        case LearnedPosition():
            x = x + weights["position.table.weight"][: len(ids)]
        case SinusoidalPosition(theta=theta, amplitude=amplitude):
            width = config.d_model
            table = [sinusoids(t, width, theta=theta) for t in range(len(ids))]
            x = x + amplitude * np.array(table)
        case _:
            pass
    for layer in range(config.n_layers):
        x = _block(config, _within(weights, f"blocks.{layer}."), x)
    if config.norm_placement != "post":
        x = normed(config, _within(weights, "final_norm."), x)
    tied = config.tie_embeddings
    scores = x @ weights["embedding.weight" if tied else "head.weight"].T
    cap = config.logit_cap
    return scores if cap is None else cap * np.tanh(scores / cap)


def _block(config: ModelConfig, weights: Weights, x: Array) -> Array:
    """Pre: x + f(norm(x)). Post: norm(x + f(x)). Sandwich: x + norm(f(norm(x))).

    Xiong et al. 2020, figure 1; Ding et al. 2021, section 2.3.
    """
    for name, branch in (("attention", _attention), ("mlp", _mlp)):
        if name == "mlp" and isinstance(config.mlp, NoMLP):
            continue
        inner, norm = _within(weights, f"{name}."), _within(weights, f"{name}_norm.")
        match config.norm_placement:
            case "pre":
                x = x + branch(config, inner, normed(config, norm, x))
            case "post":
                x = normed(config, norm, x + branch(config, inner, x))
            case "sandwich":
                y = branch(config, inner, normed(config, norm, x))
                x = x + normed(config, _within(weights, f"{name}_out_norm."), y)
            case unreachable:
                assert_never(unreachable)
    return x


def normed(config: ModelConfig, weights: Weights, x: Array) -> Array:
    """Over the last axis (Ba et al. 2016, eq. 4; Zhang and Sennrich 2019, eq. 4)."""
    match config.norm:
        case LayerNorm(eps=eps):
            centred = x - x.mean(-1, keepdims=True)
            y = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps)
        case RMSNorm(eps=eps):
            y = x / np.sqrt((x**2).mean(-1, keepdims=True) + eps)
        case unreachable:
            assert_never(unreachable)
    return np.asarray(y * weights["weight"] + weights.get("bias", 0.0))


def _attention(config: ModelConfig, weights: Weights, x: Array) -> Array:
    """softmax(q k^T / sqrt(K)) v, head by head (Vaswani et al. 2017, section 3.2).

    Consecutive heads of queries share a head of keys and values (Ainslie et al. 2023, section 2.2);
    a window is that many tokens, the present one among them (Beltagy et al. 2020).
    """
    n_heads, n_kv, head_dim = config.n_heads, config.n_kv_heads, config.head_dim
    window = config.attention.window or len(x)
    rows = x @ weights["qkv_proj.weight"].T + weights.get("qkv_proj.bias", 0.0)
    heads = rows.reshape(len(x), n_heads + 2 * n_kv, head_dim)
    out = np.zeros((len(x), n_heads, head_dim))
    for h in range(n_heads):
        shared = h // (n_heads // n_kv)
        q, k = heads[:, h], heads[:, n_heads + shared]
        v = heads[:, n_heads + n_kv + shared]
        if config.attention.qk_norm:
            q = normed(config, _within(weights, "q_norm."), q)
            k = normed(config, _within(weights, "k_norm."), k)
        if isinstance(config.position, RopePosition):
            q, k = rotated(q, config.position), rotated(k, config.position)
        for t in range(len(x)):
            seen = range(max(0, t - window + 1), t + 1)
            scores = np.array([q[t] @ k[s] for s in seen]) / math.sqrt(head_dim)
            if isinstance(config.position, AlibiPosition):
                slope = alibi_slopes(n_heads)[h]
                scores -= slope * np.array([t - s for s in seen])
            shares = np.exp(scores - scores.max())
            out[t, h] = shares / shares.sum() @ v[seen.start : seen.stop]
    return out.reshape(len(x), -1) @ weights["o_proj.weight"].T + weights.get("o_proj.bias", 0.0)


def _mlp(config: ModelConfig, weights: Weights, x: Array) -> Array:
    """down(f(up(x))), or down(f(gate(x)) * up(x)) (Shazeer 2020, section 2)."""
    match config.mlp:
        case GeluMLP(approximate=approximate):
            hidden = gelu(_inner(weights, "up_proj", x), approximate)
        case ReluMLP():
            hidden = np.maximum(_inner(weights, "up_proj", x), 0)
        case SquaredReluMLP():
            hidden = np.maximum(_inner(weights, "up_proj", x), 0) ** 2  # So et al. 2021
        case SwigluMLP():
            gate, up = np.split(_inner(weights, "gate_up_proj", x), 2, axis=-1)
            hidden = gate / (1 + np.exp(-gate)) * up
        case GegluMLP(approximate=approximate):
            gate, up = np.split(_inner(weights, "gate_up_proj", x), 2, axis=-1)
            hidden = gelu(gate, approximate) * up
        case NoMLP():
            raise AssertionError("a block without a network has none to write out")
        case unreachable:
            assert_never(unreachable)
    return _inner(weights, "down_proj", hidden)


def gelu(x: Array, approximate: str) -> Array:
    """x * Phi(x), Phi the normal distribution, or its approximation by tanh.

    Hendrycks and Gimpel 2016, section 2.
    """
    if approximate == "tanh":
        share = np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    else:
        share = np.vectorize(math.erf)(x / math.sqrt(2))
    return np.asarray(0.5 * x * (1 + share))


def sinusoids(position: int, width: int, *, theta: float) -> list[float]:
    """sin(t / theta^(2i/width)) and its cosine, in turn (Vaswani et al. 2017, section 3.5)."""
    angles = [position / theta ** (2 * i / width) for i in range(width // 2)]
    return [value for angle in angles for value in (math.sin(angle), math.cos(angle))]


def rotated(heads: Array, rope: RopePosition) -> Array:
    """Numbers i and i + r/2 as one complex number, turned by e^(i * angle), at 0, 1, ... T - 1.

    Su et al. 2021, section 3.2; the pairing is that of GPT-NeoX (Black et al. 2022).
    """
    dim = round(rope.share * heads.shape[-1])
    half = dim // 2
    pairs = heads[:, :half] + 1j * heads[:, half:dim]
    turned = pairs * np.exp(1j * np.array([rope_angles(t, dim, rope) for t in range(len(heads))]))
    return np.concatenate([turned.real, turned.imag, heads[:, dim:]], axis=-1)


def rope_angles(position: int, dim: int, rope: RopePosition) -> list[float]:
    """position * theta^(-2i/dim), for each pair of the `dim` rotated numbers.

    Linear scaling divides positions (Chen et al. 2023, eq. 4); 'NTK-aware' scaling raises theta by
    factor^(dim / (dim - 2)) (Peng et al. 2023, definition 1).
    """
    theta, place = rope.theta, float(position)
    match rope.scaling:
        case LinearScaling(factor=factor):
            place /= factor
        case NtkScaling(factor=factor):
            theta *= factor ** (dim / (dim - 2))
        case _:
            pass
    return [place * theta ** (-2 * i / dim) for i in range(dim // 2)]


def alibi_slopes(n_heads: int) -> list[float]:
    """2^(-8 i / n) for n a power of two; else those of the power below, then every second of the
    power above (Press et al. 2022, section 3, and its published code).
    """
    power = 1
    while 2 * power <= n_heads:
        power *= 2
    even = [2.0 ** (-8 * i / power) for i in range(1, power + 1)]
    between = [2.0 ** (-8 * i / (2 * power)) for i in range(1, 2 * power, 2)]
    return even + between[: n_heads - power]


def _inner(weights: Weights, name: str, x: Array) -> Array:
    return np.asarray(x @ weights[f"{name}.weight"].T + weights.get(f"{name}.bias", 0.0))


def _within(weights: Weights, prefix: str) -> dict[str, Array]:
    """The parameters below a prefix, without it."""
    return {k.removeprefix(prefix): w for k, w in weights.items() if k.startswith(prefix)}
