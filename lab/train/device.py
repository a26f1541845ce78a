"""Where a run computes."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from lab.batch import Batch
from lab.errors import ConfigError


def pick_device(wanted: str) -> torch.device:
    """`auto` is CUDA, else MPS, else the CPU; raises `ConfigError` for one that is not there."""
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wanted == "auto":
        return torch.device(next(kind for kind, found in there.items() if found))
    if not there[wanted]:
        usable = ", ".join(kind for kind, found in there.items() if found)
        raise ConfigError(f"device: {wanted} is not on this machine; there is: {usable}")
    return torch.device(wanted)


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU on a device, where work goes on meanwhile."""
    if device.type == "cuda":  # from other memory a copy waits for the device
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def on(batch: Batch, device: torch.device) -> Batch:
    """What a model and its loss read of a batch, on a device."""
    return replace(
        batch,
        inputs=moved(batch.inputs, device),
        targets=moved(batch.targets, device),
        documents=None if batch.documents is None else moved(batch.documents, device),
    )


def computed_by(device: torch.device) -> dict[str, Any]:
    """What torch says of the machine that may change a number: kernels, versions, settings."""
    on_gpu = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if on_gpu else device.type,
        "capability": list(torch.cuda.get_device_capability(device)) if on_gpu else None,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version() if on_gpu else None,  # type: ignore[no-untyped-call]
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
    }
