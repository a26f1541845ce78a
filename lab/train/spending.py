"""What a run has cost so far: seconds by phase, tokens a second, memory."""

import resource
import sys

import torch

from lab.train.clock import Clock

PHASES = ("setup", "train", "eval", "track", "checkpoint", "package")


def spending(clock: Clock, *, tokens: int, device: torch.device) -> dict[str, float]:
    """Seconds in all and by phase, tokens a second of training, this process's peak memory."""
    seconds = clock.snapshot()
    return {
        "total": sum(seconds.values()),
        **{phase: seconds.get(phase, 0.0) for phase in PHASES},
        "tokens_per_second": tokens / seconds["train"] if seconds.get("train") else 0.0,
        "peak_memory_bytes": float(_peak_memory(device)),
    }


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
