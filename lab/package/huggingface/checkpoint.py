"""The weights of a transformers folder: one safetensors file, or the shards that an index names.

Design choices:
- pickles are never read;
- every name must be known and every shape right before a model is built; what earlier versions of
  transformers stored beside the parameters (masks, frequencies) is passed over;
- any precision becomes float32, which is exact for bfloat16 and float16.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lab.errors import PackageError

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
FLOATS = {torch.float32, torch.float64, torch.float16, torch.bfloat16}
_NO_PARAMETER = re.compile(r"\.attn\.(masked_)?bias$|rotary_emb\.inv_freq$")


def weight_files(folder: Path) -> list[Path]:
    """The files that hold the weights; raises `PackageError` where there are none to be read."""
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    if (folder / INDEX).is_file():
        with suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
            found = set(json.loads((folder / INDEX).read_bytes())["weight_map"].values())
            if found and all(Path(name).name == name for name in found):
                return [_present(folder / name) for name in sorted(found)]
        raise PackageError(f"{folder / INDEX} does not say which files hold the weights")
    if list(folder.glob("*.bin")) or list(folder.glob("*.pt")):
        raise PackageError(
            f"{folder} holds its weights as a pickle, which may run code and is never loaded; "
            "save the model as safetensors, as save_pretrained of transformers does"
        )
    raise PackageError(f"{folder} holds no {SINGLE} and no {INDEX}")


def read_tensors(files: list[Path], *, prefix: str) -> dict[str, Tensor]:
    """Every parameter, in float32 and under its full name: some folders leave out `prefix`."""
    tensors: dict[str, Tensor] = {}
    for path in files:
        try:
            with safe_open(path, framework="pt", device="cpu") as file:
                for name in file.keys():  # noqa: SIM118
                    if not _NO_PARAMETER.search(name):
                        tensors[name] = _float32(path, name, file.get_tensor(name))
        except SafetensorError as error:
            raise PackageError(f"{path} is not a safetensors file ({error})") from None
    if any(name.startswith(prefix) for name in tensors):
        return tensors
    return {name if name == "lm_head.weight" else prefix + name: t for name, t in tensors.items()}


def check(folder: Path, found: Mapping[str, Tensor], wanted: Mapping[str, tuple[int, ...]]) -> None:
    """Raises `PackageError` that names what is missing, unknown, or of another shape."""
    faults = [f"{name} is missing" for name in wanted if name not in found]
    faults += [f"{name!r} is no parameter of this model" for name in found if name not in wanted]
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
    if not path.is_file():
        raise PackageError(f"{path} is missing, and {path.with_name(INDEX)} names it")
    return path


def _float32(path: Path, name: str, tensor: Tensor) -> Tensor:
    if tensor.dtype not in FLOATS:
        raise PackageError(
            f"{path}: {name} holds {str(tensor.dtype).removeprefix('torch.')}; quantised weights "
            "cannot be adopted, so save the model in float32, bfloat16 or float16"
        )
    if not tensor.isfinite().all():
        raise PackageError(f"{path}: {name} holds NaN or infinity, so the model can say nothing")
    return tensor.to(torch.float32)
