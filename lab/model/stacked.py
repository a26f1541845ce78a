"""The leaves of a stacked model: each holds the parameters of K members, (K, ...).

Each expects a leading axis of K members before the axes that it expects alone, and computes for
every member, with its own parameters, the numbers that the plain leaf gives, on a CPU to the last
bit.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from lab.model.norm import LayerNorm, RMSNorm
from lab.model.stacked_products import linear


class StackedLinear(nn.Module):
    def __init__(self, weight: nn.Parameter, bias: nn.Parameter | None) -> None:
        super().__init__()
        self.weight, self.bias = weight, bias

    def forward(self, x: Float[Tensor, "k *b i"]) -> Float[Tensor, "k *b o"]:
        rows = x.reshape(len(x), -1, x.shape[-1])
        return linear(rows, self.weight, self.bias).view(*x.shape[:-1], -1)


class StackedEmbedding(nn.Embedding):
    """One table in which the ids of every member are shifted to its own rows."""

    def __init__(self, weight: nn.Parameter) -> None:
        nn.Module.__init__(self)
        self.weight = weight

    def forward(self, ids: Int[Tensor, "k *b"]) -> Float[Tensor, "k *b d"]:
        members, n_rows, _ = self.weight.shape
        torch._assert_async((ids < n_rows).all())  # beyond them are the rows of the next
        first = torch.arange(0, members * n_rows, n_rows, device=ids.device)
        return F.embedding(ids + _leading(first, ids.ndim), self.weight.flatten(0, 1))


class StackedLayerNorm(nn.Module):
    """On a CPU by the fused kernel of each member, for its bits; elsewhere by one norm without a
    weight for all, times the weights, for its few launches."""

    def __init__(self, weight: nn.Parameter, bias: nn.Parameter | None, *, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight, self.bias = weight, bias

    def forward(self, x: Float[Tensor, "k *b d"]) -> Float[Tensor, "k *b d"]:
        width = x.shape[-1:]
        if x.device.type == "cpu":
            biases = [None] * len(x) if self.bias is None else self.bias.unbind()
            members = zip(x.unbind(), self.weight.unbind(), biases, strict=True)
            return torch.stack([F.layer_norm(own, width, w, b, self.eps) for own, w, b in members])
        x = F.layer_norm(x, width, eps=self.eps) * _between(self.weight, x.ndim)
        return x if self.bias is None else x + _between(self.bias, x.ndim)


class StackedRMSNorm(nn.Module):
    def __init__(self, weight: nn.Parameter, *, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = weight

    def forward(self, x: Float[Tensor, "k *b d"]) -> Float[Tensor, "k *b d"]:
        return F.rms_norm(x, x.shape[-1:], eps=self.eps) * _between(self.weight, x.ndim)


def stacked_leaf(leaf: nn.Module, own: Mapping[str, nn.Parameter]) -> nn.Module | None:
    """The stacked kind of a plain leaf, with its parameters of all members; None where there is no
    such kind."""
    match leaf:
        case nn.Linear():
            return StackedLinear(own["weight"], own.get("bias"))
        case nn.Embedding():
            return StackedEmbedding(own["weight"])
        case LayerNorm(eps=eps):
            return StackedLayerNorm(own["weight"], own.get("bias"), eps=eps)
        case RMSNorm(eps=eps):
            return StackedRMSNorm(own["weight"], eps=eps)
        case _:
            return None


def _leading(values: Tensor, ndim: int) -> Tensor:
    """(K,) as (K, 1, ... 1) of that many axes."""
    return values.view(-1, *[1] * (ndim - 1))


def _between(values: Tensor, ndim: int) -> Tensor:
    """(K, D) as (K, 1, ... 1, D) of that many axes."""
    return values.view(len(values), *[1] * (ndim - 2), values.shape[-1])
