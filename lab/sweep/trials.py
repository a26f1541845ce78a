"""A trial: some settings of one variant, the runs that tried them, and what came of it.

Plain values only: trials are kept in `trials.json`, handed to samplers, and told to Optuna.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from lab.config.space import Settings

State = Literal["running", "complete", "pruned", "diverged", "failed"]
Source = Literal["try", "list", "refined", "asked"]


@dataclass
class Trial:
    """`number` counts the trials of a variant, `batch` the rounds of asking, from 0.

    `replicates` holds the objectives of each seed that ended well, in order; `values` their means
    once the trial is complete (or pruned, of what was seen). `intermediate` is the first
    objective of the first seed's run by step, at its evaluations. `tokens` were trained on, of
    the `full_tokens` that all seeds to their end would have been. `reason` says in words why a
    trial was given up.
    """

    variant: str
    number: int
    source: Source
    batch: int
    settings: Settings
    full_tokens: int
    state: State = "running"
    bracket: int | None = None
    values: list[float] | None = None
    replicates: list[list[float]] = field(default_factory=list)
    intermediate: dict[int, float] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    tokens: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    reason: str | None = None

    def dump(self) -> dict[str, Any]:
        return asdict(self) | {"intermediate": {str(k): v for k, v in self.intermediate.items()}}


def best(trials: Sequence[Trial], *, sign: int) -> Trial | None:
    """The complete trial with the least first objective times `sign`; the first of equals."""
    done = [trial for trial in trials if trial.state == "complete" and trial.values]
    return min(done, key=lambda trial: sign * (trial.values or [0.0])[0], default=None)
