"""The machine, as far as it may change numbers or times, without a library or a program's help."""

import os
import platform
from pathlib import Path
from typing import Any

# Which of these a processor has decides which kernels are taken, and they sum in other orders.
INSTRUCTIONS = (
    "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16",
    "asimd", "asimdhp", "bf16", "sve", "sve2",
)  # fmt: skip


def hardware() -> dict[str, Any]:
    """Processor, cores that there are and that this process may use, memory in bytes, GPUs."""
    return {
        "processor": processor(),
        "instructions": [name for name in INSTRUCTIONS if name in _flags()],
        "cores": os.cpu_count(),
        "cores_usable": cores_usable(),
        "memory": memory(),
        "gpus": gpus(),
        "gpu_driver": _first_line(Path("/proc/driver/nvidia/version")),
    }


def cores_usable() -> int:
    """Those that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on a Mac
        return os.cpu_count() or 1


def processor() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def memory() -> int | None:
    """Bytes of memory of the machine; None where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def gpus(folder: Path = Path("/proc/driver/nvidia/gpus")) -> list[str]:
    """The names of NVIDIA's, in the order of their bus numbers; empty where there are none."""
    found = []
    for path in sorted(folder.glob("*/information")):
        lines = (line.partition(":") for line in _text(path).splitlines())
        found += [value.strip() for name, _, value in lines if name.strip() == "Model"]
    return found


def _flags() -> set[str]:
    return set((_cpuinfo("flags") or _cpuinfo("Features") or "").split())


def _cpuinfo(name: str) -> str | None:
    lines = (line.partition(":") for line in _text(Path("/proc/cpuinfo")).splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), None)


def _first_line(path: Path) -> str | None:
    lines = _text(path).splitlines()
    return lines[0].strip() if lines else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
