"""How much one call of a sweep may do: seconds, runs, FLOPs.

Design choices:
- a budget is of one call: the same command has it anew and goes on where this one stopped;
- a run that would not fit is not begun, one ahead of the plan neither, so that no more is spent
  than was allowed, and what is under way then comes to its end. Only time stops that, too;
- a run counts once, however often a call starts it, and its FLOPs from where it stood when the
  call began it. What a crash lets be trained twice is not counted twice.
"""

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import ConfigError
from lab.run_folder import CHECKPOINT
from lab.sweep.plan import PlannedRun

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass
class Allowance:
    """What may be done from now on; None is without limit.

    `flops_a_step` and `stands`, the step that a run has come to, are asked of a run that is to be
    started. `why` says in words what stood in the way last.
    """

    max_time: float | None = None
    max_runs: int | None = None
    max_flops: float | None = None
    flops_a_step: Callable[[PlannedRun], float] = lambda run: 0.0
    stands: Callable[[PlannedRun], int] = lambda run: 0
    clock: Callable[[], float] = time.monotonic
    why: str | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._since = self.clock()
        self._begun: dict[str, int] = {}  # the step that each run stood at
        self._flops: dict[str, float] = {}
        self._spent = 0.0  # their sum

    @property
    def is_untouched(self) -> bool:
        """Whether no run has been begun."""
        return not self._begun

    @property
    def time_is_up(self) -> bool:
        """Whether what is under way is to be stopped."""
        if self.max_time is None or self.clock() - self._since < self.max_time:
            return False
        self.why = f"--max-time {_time(self.max_time)} is over"
        return True

    def may_start(self, run: PlannedRun) -> bool:
        """Whether a run fits into what is left."""
        if self.time_is_up:
            return False
        runs = len(self._flops) + (run.name not in self._flops)
        more = self._cost(run) - self._flops.get(run.name, 0.0)
        if self.max_runs is not None and runs > self.max_runs:
            self.why = f"--max-runs {self.max_runs} is used up"
        elif self.max_flops is not None and self._spent + more > self.max_flops:
            left = self.max_flops - self._spent
            self.why = (
                f"of --max-flops {self.max_flops:g} there are {left:.3g} left, and {run.name} "
                f"takes {more:.3g}"
            )
        else:
            return True
        return False

    def begin(self, run: PlannedRun) -> None:
        """Count a run that is started."""
        self._begun.setdefault(run.name, self.stands(run))
        cost = self._cost(run)
        self._spent += cost - self._flops.get(run.name, 0.0)
        self._flops[run.name] = cost

    def left(self, run: PlannedRun, *, since: int | None = None) -> float:
        """The FLOPs that a run takes from a step, by default the one it has come to."""
        until = run.config.train.steps if run.until is None else run.until
        begins = self.stands(run) if since is None else since
        return max(0, until - begins) * self.flops_a_step(run)

    def _cost(self, run: PlannedRun) -> float:
        return self.left(run, since=self._begun.get(run.name))


def seconds(text: str) -> float:
    """Seconds of `90s`, `30m`, `2h` or `1d`; anything else is a `ConfigError`."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhd])", text.strip())
    if found is None or not (value := float(found[1]) * UNITS[found[2]]):
        raise ConfigError(
            f"--max-time {text!r} is no time; write a number above 0 and its unit, such as 90s, "
            "30m or 2h"
        )
    return value


def flops(text: str) -> float:
    """A number of FLOPs such as `1e15`; anything else is a `ConfigError`."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (0 < value < math.inf):
        raise ConfigError(
            f"--max-flops {text!r} is no number of FLOPs; write one above 0, such as 1e15 "
            "(--dry-run tells what the runs take)"
        )
    return value


def step_of(run: Path) -> int:
    """The step of the newest checkpoint in a run's folder; 0 where there is none."""
    steps = [file.stem for file in (run / CHECKPOINT).glob("*.json")]
    return max((int(step) for step in steps if step.isdecimal()), default=0)


def _time(seconds: float) -> str:
    """In the largest unit that divides it."""
    unit = next(u for u in reversed(UNITS) if seconds % UNITS[u] == 0 or u == "s")
    return f"{seconds / UNITS[unit]:g}{unit}"
