"""The weights of a transformers folder: one safetensors file, or the shards that an index names.

Design choices:
- pickles are never read;
- every name must be known and every shape right before a model is built; what earlier versions of
  transformers stored beside the parameters (masks, frequencies) is passed over;
- any precision becomes float32, which is exact for bfloat16 and float16.
"""

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lab.data.vocabulary.panics import brief
from lab.errors import PackageError
from lab.package.huggingface.files import plain_place, size_of, table_of
from lab.package.shown import shown
from lab.package.weights import check_memory

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt"}
FLOATS = {torch.float32, torch.float64, torch.float16, torch.bfloat16}
_NO_PARAMETER = re.compile(r"\.attn\.(masked_)?bias$|rotary_emb\.inv_freq$")


def weight_files(folder: Path) -> dict[str, Path]:
    """The files that hold the weights, by name; raises `PackageError` where none can be read."""
    if (single := plain_place(folder / SINGLE)) is not None:
        return {SINGLE: single}
    if (index := table_of(folder / INDEX)) is not None:
        with suppress(TypeError, AttributeError, KeyError):
            found = set(index["weight_map"].values())
            if found and all(Path(name).name == name for name in found):
                return {name: _present(folder / name) for name in sorted(found)}
        raise PackageError(f"{folder / INDEX} does not say which files hold the weights")
    if pickles := sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES):
        raise PackageError(
            f"{folder} holds its weights as a pickle, {shown(pickles[0])}, which may run code and "
            "is never loaded; save the model as safetensors, as save_pretrained of transformers "
            "does"
        )
    raise PackageError(f"{folder} holds no {SINGLE} and no {INDEX}")


def read_tensors(files: Collection[Path], *, prefix: str) -> dict[str, Tensor]:
    """Every parameter, in float32 and under its full name: some folders leave out `prefix`."""
    check_memory(next(iter(files)).parent, sum(map(size_of, files)) // 4)
    tensors: dict[str, Tensor] = {}
    for path in files:
        try:
            with safe_open(path, framework="pt", device="cpu") as file:
                for name in file.keys():  # noqa: SIM118
                    if not _NO_PARAMETER.search(name):
                        tensors[name] = _float32(path, name, file.get_tensor(name))
        except SafetensorError as error:
            raise PackageError(f"{path} is not a safetensors file ({brief(error)})") from None
    if any(name.startswith(prefix) for name in tensors):
        return tensors
    return {name if name == "lm_head.weight" else prefix + name: t for name, t in tensors.items()}


def check(folder: Path, found: Mapping[str, Tensor], wanted: Mapping[str, tuple[int, ...]]) -> None:
    """Raises `PackageError` that names what is missing, unknown, or of another shape."""
    faults = [f"{name} is missing" for name in wanted if name not in found]
    faults += [
        f"{shown(name)} is no parameter of this model" for name in found if name not in wanted
    ]
    faults += [
        f"{name} has shape {list(found[name].shape)}, not {list(shape)}"
        for name, shape in wanted.items()
        if name in found and tuple(found[name].shape) != shape
    ]
    if faults:
        more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise PackageError(
            f"the weights in {folder} do not fit its config.json: {'; '.join(faults[:5])}{more}"
        )


def _present(path: Path) -> Path:
    if (place := plain_place(path)) is None:
        raise PackageError(f"{path} is missing, and {path.with_name(INDEX)} names it")
    return place


def _float32(path: Path, name: str, tensor: Tensor) -> Tensor:
    if tensor.dtype not in FLOATS:
        raise PackageError(
            f"{path}: {name} holds {str(tensor.dtype).removeprefix('torch.')}; quantised weights "
            "cannot be adopted, so save the model in float32, bfloat16 or float16"
        )
    if not tensor.isfinite().all():
        raise PackageError(f"{path}: {name} holds NaN or infinity, so the model can say nothing")
    return tensor.to(torch.float32)
