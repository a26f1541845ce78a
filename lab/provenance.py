"""Where numbers come from: code, libraries, machine. Torch is asked for its version only.

Design choices:
- `facts` are plain values, and stand in orders, results and manifests. `record` is all of it, the
  changes of a dirty repository and the environment too, and stands in `provenance.json` of every
  run folder and package;
- `identity` is what may change a number; two runs that differ there are not quietly mixed;
- an environment variable is recorded when it is known to change results and is no secret; what
  looks like one in the command line is left out;
- it is asked once a process: a sweep is of the code that it began with.
"""

import os
import platform
import re
import shlex
import sys
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from lab.files import read_json, write_json
from lab.hardware import hardware, processor
from lab.repository import Repository

LAB = Path(__file__).parent
PROVENANCE = "provenance.json"  # in a run's folder
DECISIVE = ("model", "data", "train", "config", "batch.py", "parts.py", "run.py", "streams.py")
IDENTITY = ("source_digest", "torch", "tokenizers", "device", "threads")
LIBRARIES = ("torch", "numpy", "tokenizers", "safetensors", "optuna", "wandb", "pydantic")

# How many threads share a sum, and so in which order it is made.
_THREADS = (
    "OMP_NUM_THREADS", "OMP_DYNAMIC", "MKL_NUM_THREADS", "MKL_DYNAMIC", "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)  # fmt: skip
# Which instructions kernels may use, and whether they promise the same result on any processor.
_KERNELS = (
    "ATEN_CPU_CAPABILITY", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "MKL_DEBUG_CPU_TYPE",
    "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "OPENBLAS_CORETYPE",
)  # fmt: skip
# Whether products of float32 may be computed in less.
_PRECISION = ("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE", "NVIDIA_TF32_OVERRIDE")
# Which GPU computes, and whether its sums are made in a fixed order.
_GPU = (
    "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUBLAS_WORKSPACE_CONFIG", "CUDA_LAUNCH_BLOCKING",
    "CUDNN_DETERMINISTIC", "HIP_VISIBLE_DEVICES", "PYTORCH_ENABLE_MPS_FALLBACK",
)  # fmt: skip
# The order of sets, in whatever library forgets to sort them.
_ORDER = ("PYTHONHASHSEED",)
# Libraries that are taken in place of those whose versions are recorded.
_LIBRARIES = ("LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH")
# Where texts and tokenizers are taken from, and whether the network is asked for newer ones.
_DATA = (
    "HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE", "HF_HUB_OFFLINE",
    "HF_DATASETS_OFFLINE", "TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR",
)  # fmt: skip
ENVIRONMENT = (*_THREADS, *_KERNELS, *_PRECISION, *_GPU, *_ORDER, *_LIBRARIES, *_DATA)
FAMILIES = ("TORCH_", "TORCHINDUCTOR_", "LAB_")  # too many to be listed, and few are ever set

_SECRET = re.compile(r"(^|[-_.])(api[-_]?key|key|token|secret|password|passwd)$", re.IGNORECASE)
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
_HIDDEN = "***"
_LONGEST = 10_000  # characters of a value


@cache
def source_digest(parts: tuple[str, ...] = DECISIVE) -> str:
    """SHA-256 over source files, by default those that determine a run's numbers."""
    content = sha256()
    for name in parts:
        path = LAB / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            content.update(f"{file.relative_to(LAB).as_posix()}\0".encode())
            content.update(file.read_bytes() + b"\0")
    return content.hexdigest()


@cache
def facts() -> dict[str, Any]:
    """Code, versions and machine as plain values; a library that is missing is None.

    So are `git_commit` and `git_dirty` of a lab that was installed, not cloned: there, the source
    digest alone says what its code is.
    """
    return {
        "source_digest": source_digest(),
        "git_commit": _repository().commit,
        "git_dirty": _repository().dirty,
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "command": _command(sys.argv),
    }


@cache
def record() -> dict[str, Any]:
    """The facts, with what differs from the commit (`diff`), `hardware` and `environment`."""
    found = {"hardware": hardware(), "environment": environment(), "diff": _repository().diff}
    return {**facts(), **found}


def write_record(folder: Path, *, device: str, threads: int) -> None:
    """Leave `provenance.json` in the folder of a run."""
    write_json(folder / PROVENANCE, {**record(), "device": device, "threads": threads})


def recorded(folder: Path) -> dict[str, Any]:
    """What was left in the folder of a run by whoever started it, else the record of this process.

    The environment is this process's in any case: a worker may be given a GPU in it.
    """
    file = folder / PROVENANCE
    found = read_json(file) if file.is_file() else record()
    return {**found, "environment": environment()}


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """Those variables, by default of this process, that change results and are set, by name."""
    found = os.environ if variables is None else variables
    return {
        name: _text(_LOGIN.sub(f"{_HIDDEN}@", value))
        for name, value in sorted(found.items())
        if name in ENVIRONMENT or (name.startswith(FAMILIES) and not _SECRET.search(name))
    }


def identity(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts that may change a run's numbers."""
    return {key: facts.get(key) for key in IDENTITY}


def version(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


@cache
def _repository() -> Repository:
    return Repository(Path(__file__))


def _command(argv: list[str]) -> str:
    """The command line as a user would give it again, without the secrets in it."""
    program = Path(argv[0])
    name = program.parent.name if program.name == "__main__.py" else program.stem
    words = [name] if name == "lab" or LAB not in program.absolute().parents else ["lab", name]
    return _text(shlex.join([*words, *_without_secrets(argv[1:])]))


def _text(value: str) -> str:
    """Of a bounded length, and without the bytes that are no characters."""
    return value[:_LONGEST].encode(errors="replace").decode()


def _without_secrets(words: list[str]) -> list[str]:
    found, hide = [], False
    for word in words:
        name, equals, _ = word.partition("=")
        is_secret = bool(_SECRET.search(name))
        if hide:
            found.append(_HIDDEN)
        elif is_secret and equals:
            found.append(f"{name}={_HIDDEN}")
        else:
            found.append(_LOGIN.sub(f"{_HIDDEN}@", word))
        hide = not hide and is_secret and not equals and word.startswith("-")
    return found
