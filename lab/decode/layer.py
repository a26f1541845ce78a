"""A layer's arithmetic for one token a row, written flat; `lab.decode.step` joins the layers.

Each class takes a module of `lab.model` apart once and computes what it computes. Weights are used
where they lie, through transposed views that know no gradient.

Shapes: B rows, D d_model, H heads, G groups of them (heads of keys and values), K head_dim.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lab.model.block import Block
from lab.model.mlp import GatedMLP, PlainMLP
from lab.model.norm import LayerNorm, RMSNorm

Function = Callable[[Tensor], Tensor]


class Desk:
    """Where a token's numbers are written on their way through a layer, and the parts of them.

    `block` is any of the model's, `turned` how many numbers of a head are rotated.
    """

    def __init__(self, block: Block, kv: Float[Tensor, "l 2 b g t k"], *, turned: int) -> None:
        h, (rows, g, k) = block.attention.heads[0], (kv.shape[2], kv.shape[3], kv.shape[5])
        self.qkv = kv.new_empty(rows, (h + 2 * g) * k)
        heads = self.qkv.view(rows, -1, k)
        self.q, self.k, self.kv = heads[:, :h], heads[:, h : h + g], heads[:, h:]
        self.kv = self.kv.view(rows, 2, g, k)
        self.turned = heads[:, : h + g, :turned]
        self.queries = self.q if rows == 1 else kv.new_empty(rows, h, k)
        self.grouped = self.queries.view(rows * g, h // g, k)
        self.seen = kv.new_empty(rows * g, h // g, k)
        self.joined = self.seen.view(rows, h * k)
        if isinstance(block.mlp, GatedMLP):
            self.gate_up = kv.new_empty(rows, block.mlp.gate_up_proj.out_features)
            self.gate, self.up = self.gate_up.chunk(2, dim=-1)


class Layer:
    """A block: how attention and network are computed, and how each joins the residual stream."""

    def __init__(self, block: Block) -> None:
        attention, mlp, placement = block.attention, block.mlp, block.placement
        self.qkv = Linear(attention.qkv_proj)
        self.scale = (attention.qkv_proj.out_features / sum(attention.heads)) ** -0.5
        self.nothing = self.qkv.weight.new_zeros(1)
        self.q_norm = self.k_norm = None
        if attention.q_norm is not None and attention.k_norm is not None:
            self.q_norm, self.k_norm = norm_of(attention.q_norm), norm_of(attention.k_norm)
        out_norm = getattr(block, "attention_out_norm", None)
        self.attention = _Branch(placement, block.attention_norm, attention.o_proj, out_norm)
        self.mlp = None
        if isinstance(mlp, PlainMLP | GatedMLP):
            out_norm = getattr(block, "mlp_out_norm", None)
            self.mlp = _Branch(placement, block.mlp_norm, mlp.down_proj, out_norm)
            self.hidden = _hidden_layer(mlp)

    def attended(
        self,
        x: Float[Tensor, "b d"],
        desk: Desk,
        keys: Float[Tensor, "bg k t"],
        values: Float[Tensor, "bg t k"],
        slot: Float[Tensor, "b 2 g k"],
        bias: Float[Tensor, "bg #hg t"] | None,
        rotation: tuple[Tensor, ...] | None,
    ) -> Float[Tensor, "b d"]:
        """What each head saw; the token's own keys and values go into the `slot`, seen as well."""
        self.qkv.write(x, desk.qkv)
        if self.q_norm is not None and self.k_norm is not None:
            desk.q.copy_(self.q_norm(desk.q))
            desk.k.copy_(self.k_norm(desk.k))
        if rotation is not None:  # as `Rotation.turn` does
            cos, sin = rotation
            swapped = desk.turned.roll(desk.turned.shape[-1] // 2, -1)
            desk.turned.mul_(cos).addcmul_(swapped, sin)
        slot.copy_(desk.kv)
        if desk.queries is not desk.q:
            desk.queries.copy_(desk.q)
        scores = (
            torch.baddbmm(self.nothing, desk.grouped, keys, beta=0, alpha=self.scale)
            if bias is None
            else torch.baddbmm(bias, desk.grouped, keys, alpha=self.scale)
        )
        torch.bmm(scores.softmax(-1), values, out=desk.seen)
        return desk.joined


class _Branch:
    """The way from the residual stream and back, by the placement of the norms."""

    def __init__(
        self, placement: str, norm: nn.Module, out: nn.Linear, out_norm: nn.Module | None
    ) -> None:
        self.placement = placement
        self.norm = norm_of(norm)
        self.out = Linear(out)
        self.out_norm = self.norm if out_norm is None else norm_of(out_norm)

    def entered(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return x if self.placement == "post" else self.norm(x)

    def left(self, x: Float[Tensor, "b d"], y: Float[Tensor, "b f"]) -> Float[Tensor, "b d"]:
        if self.placement == "sandwich":
            return x + self.out_norm(self.out(y))
        x = self.out(y).add_(x)
        return self.norm(x) if self.placement == "post" else x


class Linear:
    def __init__(self, linear: nn.Linear) -> None:
        self.weight = linear.weight.detach().t()
        self.bias = None if linear.bias is None else linear.bias.detach()

    def __call__(self, x: Tensor) -> Tensor:
        y = torch.mm(x, self.weight)
        return y if self.bias is None else y.add_(self.bias)

    def write(self, x: Tensor, out: Tensor) -> None:
        torch.mm(x, self.weight, out=out)
        if self.bias is not None:
            out.add_(self.bias)


def norm_of(module: nn.Module) -> Function:
    if isinstance(module, nn.Identity):
        return module
    assert isinstance(module, LayerNorm | RMSNorm)
    weight, eps = module.weight.detach(), module.eps
    width = weight.shape
    if isinstance(module, LayerNorm):
        bias = None if module.bias is None else module.bias.detach()
        return lambda x: torch.layer_norm(x, width, weight, bias, eps)
    # sqrt(n) * w * x / sqrt(|x|^2 + n * eps): the same number from half as many operations
    root, zero = math.sqrt(len(weight)), weight.new_zeros(())
    least = weight.new_tensor(root * math.sqrt(eps))

    def rms_norm(x: Tensor) -> Tensor:
        length = torch.hypot(torch.linalg.vector_norm(x, dim=-1, keepdim=True), least)
        return torch.addcdiv(zero, x * weight, length, value=root)

    return rms_norm


def _hidden_layer(mlp: PlainMLP | GatedMLP) -> Callable[[Tensor, Desk], Tensor]:
    activation = _gelu if _is_exact_gelu(mlp.activation) else mlp.activation
    if isinstance(mlp, PlainMLP):
        up = Linear(mlp.up_proj)
        return lambda x, desk: activation(up(x))
    gate_up = Linear(mlp.gate_up_proj)

    def gated(x: Tensor, desk: Desk) -> Tensor:
        gate_up.write(x, desk.gate_up)
        return activation(desk.gate).mul_(desk.up)

    return gated


def _is_exact_gelu(activation: Function) -> bool:
    return (
        isinstance(activation, partial)
        and activation.func is F.gelu
        and activation.keywords == {"approximate": "none"}
    )


def _gelu(x: Tensor) -> Tensor:
    """x * (1 + erf(x / sqrt(2))) / 2: the library's own spends ten times as long on its choices."""
    half = 0.5 * x
    return torch.addcmul(half, half, torch.erf(x * math.sqrt(0.5)))
