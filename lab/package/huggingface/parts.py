"""A model's parameters by their role, out of one layout and into another.

Design choices:
- what is only renamed, split, joined or transposed keeps its bits;
- what has to be computed (a folded scale, a table of sinusoids) is computed and kept in float64,
  so that a model loaded in float64 is the same function to that precision.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from lab.config.model import ModelConfig
from lab.package.huggingface.layout import ATTENTION, FUSED, MLP, QK_NORMS, TABLES, Layout


class Affine(NamedTuple):
    """A projection's, norm's or table's weight, and its bias where it has one."""

    weight: Tensor
    bias: Tensor | None = None


@dataclass
class Parts:
    """`outer` and each of `layers`: role to parameters, projections (out, in), nothing fused."""

    outer: dict[str, Affine] = field(default_factory=dict)
    layers: list[dict[str, Affine]] = field(default_factory=list)


def read_parts(tensors: Mapping[str, Tensor], layout: Layout, config: ModelConfig) -> Parts:
    """The parts among tensors of any layout; roles that are not there are left out."""
    parts = Parts(layers=[{} for _ in range(config.n_layers)])
    for role, template in layout.names.items():
        if "{n}" not in template:
            parts.outer |= _read(tensors, role, template, layout, config)
            continue
        for n, layer in enumerate(parts.layers):
            layer |= _read(tensors, role, template.replace("{n}", str(n)), layout, config)
    return parts


def write_parts(
    parts: Parts, layout: Layout, config: ModelConfig, *, biases: tuple[bool, bool]
) -> dict[str, Tensor]:
    """Tensors by name; `biases`: whether projections of attention and of the MLP have one.

    A bias that the layout has and the parts lack is zero.
    """
    tensors: dict[str, Tensor] = {}
    for role, template in layout.names.items():
        for n, roles in enumerate([parts.outer] if "{n}" not in template else parts.layers):
            found = _fused(roles, role, layout, config) if role in FUSED else roles.get(role)
            if found is None or _is_fused_already(roles, role, layout):
                continue
            if role == "embedding" and layout.scaled_embedding:
                found = Affine(found.weight.double() / config.d_model**0.5)
            bent = _bent(found, role, layout)
            has_bias = _has_bias(role, layout, biases)
            assert has_bias or bent.bias is None, f"{layout.names[role]} has no bias to hold ours"
            if has_bias and bent.bias is None:
                bent = Affine(bent.weight, bent.weight.new_zeros(_width(bent, role, layout)))
            heads = config.n_heads if role == "q_norm" else config.n_kv_heads
            name = template.replace("{n}", str(n))
            copies = range(heads) if "{h}" in name else range(1)
            for h in copies:
                full = name.replace("{h}", str(h))
                tensors[f"{full}.weight"] = bent.weight.clone(memory_format=torch.contiguous_format)
                if bent.bias is not None:
                    tensors[f"{full}.bias"] = bent.bias.contiguous()
    return tensors


def _read(
    tensors: Mapping[str, Tensor], role: str, name: str, layout: Layout, config: ModelConfig
) -> dict[str, Affine]:
    weight, bias = tensors.get(f"{name}.weight"), tensors.get(f"{name}.bias")
    if weight is None:
        return {}
    if layout.transposed and role in ATTENTION | MLP:
        weight = weight.T
    if role not in FUSED:
        return {role: Affine(weight, bias)}
    assert not layout.interleaved, "no layout that is read interleaves heads"
    kv = config.n_kv_heads * config.head_dim
    sizes = [config.d_model, kv, kv] if role == "qkv" else [config.d_ff, config.d_ff]
    weights = torch.split(weight, sizes)
    biases = [None] * len(sizes) if bias is None else torch.split(bias, sizes)
    named = zip(FUSED[role], weights, biases, strict=True)
    return {part: Affine(weight, bias) for part, weight, bias in named}


def _fused(
    roles: Mapping[str, Affine], role: str, layout: Layout, config: ModelConfig
) -> Affine | None:
    parts = [roles[part] for part in FUSED[role] if part in roles]
    if len(parts) < len(FUSED[role]):
        return None
    interleave = layout.interleaved and role == "qkv"
    weights, biases = [part.weight for part in parts], [part.bias for part in parts]
    weight = _joined(weights, config.n_heads if interleave else 1)
    if biases[0] is None:
        return Affine(weight)
    there = [bias for bias in biases if bias is not None]
    return Affine(weight, _joined(there, config.n_heads if interleave else 1))


def _is_fused_already(roles: Mapping[str, Affine], role: str, layout: Layout) -> bool:
    return any(
        role in parts and fused in layout.names and all(part in roles for part in parts)
        for fused, parts in FUSED.items()
    )


def _joined(tensors: list[Tensor], heads: int) -> Tensor:
    """Rows of the first head of each tensor, then of the next."""
    return torch.cat([t.reshape(heads, -1, *t.shape[1:]) for t in tensors], dim=1).flatten(0, 1)


def _bent(part: Affine, role: str, layout: Layout) -> Affine:
    weight, bias = part
    if role in ATTENTION | MLP:
        return Affine(weight.T if layout.transposed else weight, bias)
    if role == "positions" and layout.position_offset:
        above = weight.new_zeros(layout.position_offset, weight.shape[1])
        return Affine(torch.cat([above, weight]))
    if role not in TABLES and layout.norm_offset:
        return Affine(weight.double() - layout.norm_offset, bias)
    return part


def _has_bias(role: str, layout: Layout, biases: tuple[bool, bool]) -> bool:
    if role in TABLES:
        return False
    if role in QK_NORMS:
        return layout.qk_norm_bias
    if role in ATTENTION:
        return biases[0]
    return biases[1] if role in MLP else layout.norm_bias


def _width(part: Affine, role: str, layout: Layout) -> int:
    projection = role in ATTENTION | MLP
    return part.weight.shape[1 if layout.transposed and projection else 0]
