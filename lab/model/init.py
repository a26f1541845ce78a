"""Initial values by name: two variants with one seed start equal wherever they have equal parts.

Weights are normal with standard deviation `init_std`, those that write to the residual stream
divided by sqrt(2 * layers) (Radford et al. 2019); biases are 0 and norm weights 1.

Design choices:
- a *unit* draw depends on the seed, the logical name and the shape alone, and is made on the CPU;
  the scale is applied after, so that two initial scales share their draws;
- storage does not count: `q_proj` draws the same values alone or inside a fused matrix.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from lab.model.linear import Projection
from lab.streams import stream


@torch.no_grad()
def initialise(model: nn.Module, *, seed: int, std: float, source: str = "init") -> None:
    """Set every weight of the model in place, by draws from the named stream of the seed."""
    for name, weight, scale in _weights(model):
        generator = torch.Generator().manual_seed(stream(seed, source, name, *weight.shape))
        weight.copy_(torch.randn(weight.shape, generator=generator).mul_(std * scale))
    for module in model.modules():
        if isinstance(module, nn.Linear) and module.bias is not None:
            module.bias.zero_()


def logical_shapes(model: nn.Module) -> dict[str, tuple[int, ...]]:
    """Logical name and shape of every drawn weight, a tied one once.

    Two models share the initial values of the names and shapes that both have.
    """
    return {name: tuple(weight.shape) for name, weight, _ in _weights(model)}


def _weights(model: nn.Module) -> Iterator[tuple[str, Tensor, float]]:
    """Logical name, the rows that it names, and the scale; each parameter once."""
    seen: set[int] = set()
    for path, module in model.named_modules():
        if not isinstance(module, nn.Embedding | Projection) or id(module.weight) in seen:
            continue
        seen.add(id(module.weight))
        if isinstance(module, nn.Embedding):
            yield path, module.weight, 1.0
            continue
        parent = path.rpartition(".")[0]
        rows = torch.split(module.weight, list(module.parts.values()))
        for name, part in zip(module.parts, rows, strict=True):
            yield f"{parent}.{name}" if parent else name, part, module.scale
