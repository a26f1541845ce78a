"""What a sweep runs on: how many GPUs there are, and which device its runs ask for."""

import sys

from lab.commands.asked import Asked
from lab.errors import ConfigError
from lab.sweep.apart import ask_apart, count_gpus


def n_gpus(asked: Asked) -> int:
    """CUDA devices for its runs; raises `ConfigError` where they ask for what is not there."""
    wanted = {asked.question.variant(name).device for name in asked.question.arms}
    if wanted == {"cpu"}:
        return 0
    found = int(ask_apart(count_gpus))
    if "mps" in wanted and sys.platform != "darwin":
        raise ConfigError("device: mps, but this machine is no Mac; try auto or cpu")
    if "cuda" in wanted and not found:
        raise ConfigError("device: cuda, but this machine has no CUDA device; try auto or cpu")
    return found


def device_of(asked: Asked) -> str:
    wanted = asked.question.base.device
    if wanted == "auto":
        return "mps" if sys.platform == "darwin" else "cpu"
    return wanted
