"""model.safetensors: the parameters of a model, each once, in float32.

Design choices:
- parameters only: a tied one stands once, under the name that `named_parameters` gives it, and
  buffers are computed anew;
- names and shapes in the file must be exactly those of the model that the config describes;
  they are compared on the meta device, before a single value is given memory;
- values are read from the file into the parameters themselves, and hashed there: no other byte
  than those that the manifest vouches for is ever computed with;
- building a model leaves the global random numbers as they were.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import torch
from safetensors.torch import save_file
from torch import nn

from lab.config.model import ModelConfig
from lab.config.position import RopePosition, SinusoidalPosition
from lab.errors import PackageError
from lab.model.gpt import GPT
from lab.model.outline import outlined
from lab.package.header import Stored, read_header
from lab.package.layout import CONFIG, MAX_TABLE_BYTES
from lab.package.plain import plain_file
from lab.package.shown import shown
from lab.provenance.hardware import memory

AGAIN = "package the run again"
Shapes = dict[str, tuple[int, ...]]


def save_weights(path: Path, model: nn.Module) -> None:
    """Equal parameters give equal bytes."""
    tensors = {
        name: parameter.detach().to("cpu", torch.float32).contiguous()
        for name, parameter in model.named_parameters()
    }
    save_file(tensors, path, metadata={"format": "pt"})


def load_model(
    path: Path, config: ModelConfig, vocab_size: int, *, sha256: str | None = None
) -> GPT:
    """The model of a config with the parameters of a file, on the CPU, in evaluation mode.

    Raises `PackageError` where the file does not fit the config, or, where a `sha256` is given,
    is not the file of that hash.
    """
    try:
        with plain_file(path) as (file, size):
            head, stored = read_header(file, size=size)
            _check(path, stored, config, vocab_size)
            with torch.random.fork_rng(devices=[]):
                model = GPT(config, vocab_size)
            found = _fill(model, stored, file, hashlib.sha256(head))
    except (OSError, ValueError) as error:
        raise PackageError(f"{path} is not a safetensors file ({error}): {AGAIN}") from None
    if sha256 not in (None, found):
        raise PackageError(f"{path} was changed while it was read: load the package again")
    return model.eval()


def _fill(model: GPT, stored: Sequence[Stored], file: BinaryIO, content: "hashlib._Hash") -> str:
    """Read the values, which follow one another, into the parameters; the hash of all of it."""
    parameters = dict(model.named_parameters())
    for one in stored:
        memory = parameters[one.name].detach().numpy().data.cast("B")
        if file.readinto(memory) != len(memory):  # type: ignore[attr-defined]
            raise ValueError(f"it ends within {one.name}")
        content.update(memory)
    return content.hexdigest()


def _check(path: Path, stored: Sequence[Stored], config: ModelConfig, vocab_size: int) -> None:
    shapes = {one.name: one.shape for one in stored}
    types = {one.dtype for one in stored}
    if types - {"F32"}:
        named = ", ".join(shown(kind)[1:-1] for kind in sorted(types)[:5])
        raise PackageError(f"{path} holds {named}, not F32 alone: {AGAIN}")
    found, expected = sum(map(math.prod, shapes.values())), config.n_params(vocab_size)
    # Far apart, not even an outline of the model is worth building: it could be endless.
    if config.n_layers > len(shapes) or expected > 100 * found:
        raise PackageError(
            f"{path} holds {found:,} numbers in {len(shapes)} tensors, and {CONFIG} describes "
            f"{config.n_layers} layers with {expected:,}: the two are not of one run; {AGAIN}"
        )
    check_tables(path.with_name(CONFIG), config)
    with outlined():
        outline = GPT(config, vocab_size)
    wanted = {name: tuple(p.shape) for name, p in outline.named_parameters()}
    faults = _differences(shapes, wanted)
    if faults:
        more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise PackageError(
            f"{path} does not fit {CONFIG}: {'; '.join(faults[:5])}{more}. "
            f"The two are not of one run: {AGAIN}"
        )


def check_memory(path: Path, n_params: int) -> None:
    """Raises `PackageError` where a machine has not the memory for so many parameters."""
    here = memory()
    if here is not None and 4 * n_params > here:
        raise PackageError(
            f"{path} asks for {4 * n_params:,} bytes of parameters, and this machine has {here:,} "
            "bytes of memory: load it on a larger one, if it is to be trusted"
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
    faults += [f"{shown(name)} is no parameter of it" for name in found if name not in wanted]
    faults += [
        f"{name} has shape {list(found[name])}, not {list(shape)}"
        for name, shape in wanted.items()
        if name in found and found[name] != shape
    ]
    return faults
