"""The learning rate of each step, as a share of its peak."""

import math
from typing import assert_never

from lab.config.train import (
    ConstantSchedule,
    CosineSchedule,
    LinearSchedule,
    Schedule,
    WsdSchedule,
)


def rate_factor(schedule: Schedule, step: int, *, steps: int) -> float:
    """The factor on the peak rate for update number `step`, counted from 1 to `steps`.

    Warm-up rises in equal parts to 1 at its last step; every decay ends at `final_ratio` with the
    last update.
    """
    warmup = schedule.warmup_steps
    if step <= warmup:
        return step / warmup
    match schedule:
        case ConstantSchedule():
            return 1.0
        case LinearSchedule(final_ratio=final):
            return 1 - (1 - final) * (step - warmup) / (steps - warmup)
        case CosineSchedule(final_ratio=final):
            done = (step - warmup) / (steps - warmup)
            return final + (1 - final) * (1 + math.cos(math.pi * done)) / 2
        case WsdSchedule(decay_steps=decay, final_ratio=final):
            return 1 - (1 - final) * max(0, step - (steps - decay)) / decay
        case unreachable:
            assert_never(unreachable)
