"""Real steps, timed in processes of their own, so that this one stays free of torch.

What the choice of an execution goes by: see `lab.sweep.quickest`.
"""

import math
import multiprocessing
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lab.config.order import WorkOrder
from lab.config.run import RunConfig
from lab.sweep.apart import ask_apart
from lab.sweep.attempts import is_out_of_memory

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

SECONDS = 1.0  # of steps that are counted
WARM_UP = 2  # steps before them
PATIENCE = 60.0  # seconds for all to be ready


def tokens_side_by_side(
    config: RunConfig, data: Path | None, *, threads: int, workers: int
) -> float:
    """Training tokens a second of so many processes together, each on so many threads.

    Raises `SweepError` where one of them dies.
    """
    from concurrent.futures import ThreadPoolExecutor

    barrier = multiprocessing.get_context("forkserver").Barrier(workers)
    with ThreadPoolExecutor(workers) as pool:
        asked = [
            pool.submit(ask_apart, _tokens_a_second, barrier, config, data, threads)
            for _ in range(workers)
        ]
        return float(sum(each.result() for each in asked))


def seconds_in_cohort(config: RunConfig, data: Path | None, members: int, threads: int) -> float:
    """Seconds that a training token of one member takes in a cohort of so many, infinity where
    there is no memory for it; call through `ask_apart`."""
    from lab.cohort import time_cohort

    try:
        return time_cohort(config, data, members=members, threads=threads)
    except Exception as error:
        if is_out_of_memory(error):
            return math.inf
        raise


def _tokens_a_second(
    barrier: "Barrier", config: RunConfig, data: Path | None, threads: int
) -> float:
    """While as many others do the same: all begin at once, and none ends long before the others."""
    from lab.parts import Parts
    from lab.train.clock import Clock
    from lab.train.update import Alone

    order = WorkOrder(
        run="timed", digest="", config=config, labels={}, settings={}, threads=threads,
        data=str(data) if data else None, provenance={},
    )  # fmt: skip
    run = Parts(order, Path(), Clock())
    update = Alone(run.state, run.batches, config.train, seed=config.seed)
    for number in range(1, 1 + WARM_UP):
        update.step(number)
    barrier.wait(PATIENCE)
    since, spent, steps = time.perf_counter(), 0.0, 0
    while spent < SECONDS:
        update.step(WARM_UP + steps + 1)
        steps, spent = steps + 1, time.perf_counter() - since
    return steps * config.tokens_per_step / spent
