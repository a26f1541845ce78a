"""Whether compiling a run's step is worth its wait: it costs once, and saves at every step.

What it costs and saves was measured with `python -m lab.bench` (`compile`): on a CPU the graph's
matrix products are the same library calls, so little is saved; on a GPU the launches of kernels
are.
"""

from collections.abc import Callable

from lab.config.run import RunConfig

START_UP = {"cpu": 40.0, "cuda": 60.0}  # seconds until the first compiled step
SAVED = {"cpu": 0.03, "cuda": 0.30}  # of a step's time
QUICKEST = {"cpu": 1e14, "cuda": 1e16}  # FLOPs a second that no machine of today exceeds
SLOWEST = {"cpu": 5e9, "cuda": 1e11}  # and those that any core or card reaches


def is_compiled(
    config: RunConfig, *, device: str, vocab_size: int, seconds_a_token: Callable[[], float]
) -> bool:
    """What `train.compile` comes to: where it is auto, whether a run earns back twice what
    compiling costs. Times a few steps only where arithmetic leaves that open.
    """
    if config.train.compile != "auto":
        return config.train.compile
    if device not in SAVED:
        return False
    tokens = config.train.steps * config.tokens_per_step
    flops = tokens * config.model.flops_per_token(vocab_size)
    enough = 2 * START_UP[device] / SAVED[device]  # seconds of a run
    if flops / SLOWEST[device] < enough or flops / QUICKEST[device] > enough:
        return flops / QUICKEST[device] > enough
    return tokens * seconds_a_token() > enough
