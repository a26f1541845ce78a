"""A question to a sampler. It can be handed to another process."""

from collections.abc import Callable
from dataclasses import dataclass

from lab.config.objective import Objective
from lab.config.samplers import Gp
from lab.config.space import Settings
from lab.config.tune import TuneConfig
from lab.streams import stream
from lab.sweep.earlier import WarmTrial
from lab.sweep.trials import Trial


@dataclass(frozen=True)
class Ask:
    """A question to a sampler: `count` settings after the trials `told`, of one variant.

    `told` are in plan order. The first of the settings keep what is in `partial`. `feasible`
    says why settings cannot be tried; None where they can.
    """

    tune: TuneConfig
    objectives: tuple[Objective, ...]
    told: tuple[Trial, ...]
    warm: tuple[WarmTrial, ...]
    count: int
    partial: tuple[Settings, ...]
    seed: int
    batch: int
    feasible: Callable[[Settings], str | None]

    @property
    def is_smooth(self) -> bool:
        """Whether the sampler takes many values in a row for an interval."""
        return isinstance(self.tune.sampler, Gp)

    def stream(self, name: str) -> int:
        """A seed as Optuna takes them, of 32 bits; another one for every batch."""
        return stream(self.seed, "tune", name, self.batch) % 2**32
