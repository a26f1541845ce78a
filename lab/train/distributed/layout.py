"""Where the numbers of a shared model lie: all of them in every process, or a share in each.

Design choices:
- replicated is DistributedDataParallel (Li et al. 2020): gradients are averaged while the backward
  pass still runs. The weights of bf16 are cast from float32 ones within the pass, so that gradients
  are added up and averaged in float32;
- sharded is `fully_shard` (Zhao et al. 2023; its second version, with a DTensor a parameter): each
  layer's weights come together for its own pass and part again, and every process keeps its share
  of weights, gradients and moments. bf16 is its own mixed precision, averaged in float32;
- the layers of a model are the modules in its lists, whatever the model;
- with micro-batches, gradients travel at the last one alone.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from typing import Any, Protocol

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from lab.train.precision import computing


class Layout(Protocol):
    """Of one model, whose parameters are then as they lie here."""

    @property
    def computes(self) -> nn.Module:
        """What training calls."""
        ...

    def reading(self, model: nn.Module, precision: str) -> AbstractContextManager[nn.Module]:
        """What evaluation calls, while it does."""
        ...

    def travelling(self, wanted: bool) -> AbstractContextManager[None]:
        """Whether the gradients of the passes within are averaged over all processes."""
        ...

    def whole(self, model: nn.Module, *, wanted: bool) -> nn.Module | None:
        """A plain model with the weights of this one where `wanted`, else None."""
        ...


class Replicated:
    """All of a model in every process."""

    def __init__(self, model: nn.Module, *, precision: str, device: torch.device) -> None:
        model.to(device)
        inner = _Cast(model) if precision == "bf16" else model
        self.computes = DistributedDataParallel(
            inner, forward_sync_buffers=False, gradient_as_bucket_view=True
        )

    @contextmanager
    def reading(self, model: nn.Module, precision: str) -> Iterator[nn.Module]:
        yield computing(model, precision)

    def travelling(self, wanted: bool) -> AbstractContextManager[None]:
        found: AbstractContextManager[None] = nullcontext() if wanted else self.computes.no_sync()
        return found

    def whole(self, model: nn.Module, *, wanted: bool) -> nn.Module | None:
        return model if wanted else None


class Sharded:
    """A share of a model in each process. The first one keeps room for a whole one, on its CPU."""

    def __init__(
        self, model: nn.Module, *, precision: str, device: torch.device, is_first: bool
    ) -> None:
        self._plain = deepcopy(model) if is_first else None
        mesh = init_device_mesh(device.type, (dist.get_world_size(),))
        half = torch.bfloat16 if precision == "bf16" else None
        policy = MixedPrecisionPolicy(param_dtype=half, reduce_dtype=torch.float32)
        for layer in _layers(model):
            fully_shard(layer, mesh=mesh, mp_policy=policy)
        fully_shard(model, mesh=mesh, mp_policy=policy)
        self.computes = model

    @contextmanager
    def reading(self, model: nn.Module, precision: str) -> Iterator[nn.Module]:
        yield model
        assert isinstance(model, FSDPModule)
        model.reshard()  # what lies outside of all layers waits for a backward pass

    def travelling(self, wanted: bool) -> AbstractContextManager[None]:
        assert isinstance(self.computes, FSDPModule)
        self.computes.set_requires_gradient_sync(wanted)
        return nullcontext()

    @torch.no_grad()
    def whole(self, model: nn.Module, *, wanted: bool) -> nn.Module | None:
        for name, parameter in model.named_parameters():
            value = gathered(parameter)
            if self._plain is not None:
                self._plain.get_parameter(name).copy_(value)
        return self._plain if wanted else None


def gathered(tensor: Tensor) -> Tensor:
    """All of a tensor, of which each process may have a share only; all call this together."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def here(tensor: Tensor) -> Tensor:
    """What this process has of it."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def spread(value: Tensor, *, like: Tensor) -> Tensor:
    """The first process's value, laid out as a parameter is if it has the shape of that."""
    value = value.to(like.device)
    if isinstance(like, DTensor) and like.shape == value.shape:
        return distribute_tensor(value, like.device_mesh, like.placements)
    dist.broadcast(value, src=0)
    return value


def _layers(model: nn.Module) -> Iterator[nn.Module]:
    for module in model.modules():
        if isinstance(module, nn.ModuleList):
            yield from module


class _Cast(nn.Module):
    """A model that computes in bfloat16, with weights cast at each pass from the float32 ones of
    another, where their gradients go.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        copy = computing(model, "bf16")
        self._copy = [copy]  # in a list, as none of its weights is ours
        self._links: list[tuple[nn.Module, str, nn.Parameter]] = []
        for name, parameter in list(copy.named_parameters()):
            weight = model.get_parameter(name)
            if parameter is not weight:
                path, _, leaf = name.rpartition(".")
                owner = copy.get_submodule(path)
                delattr(owner, leaf)
                self._links.append((owner, leaf, weight))

    def forward(self, *args: Any, **options: Any) -> Any:
        for owner, leaf, weight in self._links:
            setattr(owner, leaf, weight.bfloat16())
        return self._copy[0](*args, **options)
