"""Code, versions and machine as plain values, as they stand in orders, results and manifests.

Design choices:
- `identity` is what may change a number; two runs that differ there are not quietly mixed;
- all is asked once a process: a sweep is of the code that it began with.
"""

import os
import platform
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from lab.provenance.command import LAB, command
from lab.provenance.hardware import processor
from lab.provenance.repository import Repository

DECISIVE = (
    "model", "data", "train", "config",
    "batch.py", "cohort.py", "parts.py", "run.py", "streams.py",
)  # fmt: skip
HOW = ("device", "threads", "execution", "processes", "parallel")
CODE = ("source_digest", "torch", "tokenizers")
IDENTITY = (*CODE, *HOW)
USUAL = {"processes": 1}  # what is not said
LIBRARIES = ("torch", "numpy", "tokenizers", "safetensors", "optuna", "wandb", "pydantic")


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
        "git_commit": repository().commit,
        "git_dirty": repository().dirty,
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "command": command(),
    }


def identity(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts that may change a run's numbers."""
    return {key: facts.get(key, USUAL.get(key)) for key in IDENTITY}


def version(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


@cache
def repository() -> Repository:
    """What the lab's own source is kept in."""
    return Repository(Path(__file__))
