"""model.safetensors: the parameters of a model, each once, in float32.

Design choices:
- parameters only: a tied one stands once, under the name that `named_parameters` gives it, and
  buffers are computed anew;
- names and shapes in the file must be exactly those of the model that the config describes;
  they are compared on the meta device, before a single value is given memory;
- building a model leaves the global random numbers as they were.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from lab.config.model import ModelConfig
from lab.config.position import RopePosition, SinusoidalPosition
from lab.errors import PackageError
from lab.model.gpt import GPT
from lab.package.layout import CONFIG, MAX_TABLE_BYTES

AGAIN = "package the run again"
Shapes = dict[str, tuple[int, ...]]


def save_weights(path: Path, model: nn.Module) -> None:
    """Equal parameters give equal bytes."""
    tensors = {
        name: parameter.detach().to("cpu", torch.float32).contiguous()
        for name, parameter in model.named_parameters()
    }
    save_file(tensors, path, metadata={"format": "pt"})


def load_model(path: Path, config: ModelConfig, vocab_size: int) -> GPT:
    """The model of a config with the parameters of a file, on the CPU, in evaluation mode."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            shapes = {name: tuple(part.get_shape()) for name, part in slices.items()}
            types = {part.get_dtype() for part in slices.values()}
            _check(path, shapes, types, config, vocab_size)
            with torch.random.fork_rng(devices=[]):
                model = GPT(config, vocab_size)
            with torch.no_grad():
                for name, parameter in model.named_parameters():
                    parameter.copy_(file.get_tensor(name))
    except SafetensorError as error:
        raise PackageError(f"{path} is not a safetensors file ({error}): {AGAIN}") from None
    return model.eval()


def _check(
    path: Path, shapes: Shapes, types: set[str], config: ModelConfig, vocab_size: int
) -> None:
    if types - {"F32"}:
        raise PackageError(f"{path} holds {', '.join(sorted(types))}, not F32 alone: {AGAIN}")
    found, expected = sum(map(math.prod, shapes.values())), config.n_params(vocab_size)
    # Far apart, not even an outline of the model is worth building: it could be endless.
    if config.n_layers > len(shapes) or expected > 100 * found:
        raise PackageError(
            f"{path} holds {found:,} numbers in {len(shapes)} tensors, and {CONFIG} describes "
            f"{config.n_layers} layers with {expected:,}: the two are not of one run; {AGAIN}"
        )
    check_tables(path.with_name(CONFIG), config)
    with torch.device("meta"):
        outline = GPT(config, vocab_size)
    wanted = {name: tuple(p.shape) for name, p in outline.named_parameters()}
    faults = _differences(shapes, wanted)
    if faults:
        more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise PackageError(
            f"{path} does not fit {CONFIG}: {'; '.join(faults[:5])}{more}. "
            f"The two are not of one run: {AGAIN}"
        )


def check_tables(path: Path, config: ModelConfig) -> None:
    """Raises `PackageError` where tables of positions would take more memory than any file may."""
    if 4 * config.max_seq_len * _table_width(config) > MAX_TABLE_BYTES:
        raise PackageError(
            f"{path} asks for max_seq_len={config.max_seq_len} at d_model={config.d_model}, and "
            f"the tables of positions may have {MAX_TABLE_BYTES:,} bytes at most: do not use this "
            "package"
        )


def _table_width(config: ModelConfig) -> int:
    """Numbers a position that the model computes for itself; learned ones are in the file."""
    match config.position:
        case SinusoidalPosition():
            return config.d_model
        case RopePosition() as rope:
            return rope.rotated(config.head_dim)
        case _:
            return 0


def _differences(found: Mapping[str, tuple[int, ...]], wanted: Shapes) -> list[str]:
    faults = [f"{name} is missing" for name in wanted if name not in found]
    faults += [f"{name!r} is no parameter of it" for name in found if name not in wanted]
    faults += [
        f"{name} has shape {list(found[name])}, not {list(shape)}"
        for name, shape in wanted.items()
        if name in found and found[name] != shape
    ]
    return faults
