"""The tracker: a write-only observer of one run.

Design choices:
- nothing can be read back from a tracker, so that no number of a run can depend on one;
- a metric's name is `group/name`; those of the group `time` are timing, which differs from run to
  run and is kept apart from what must be equal byte for byte;
- every step is logged once, with all its metrics, and steps only grow: one call, one row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

TIMING = "time/"


@dataclass(frozen=True)
class RunInfo:
    """What a tracker may know of a run.

    `labels` (sweep, variant, phase, ...) are opaque to the run; `config` is the whole run config as
    plain data, seed included; `provenance` says what code and machine made the numbers.
    """

    name: str
    folder: Path
    labels: Mapping[str, str]
    config: Mapping[str, Any]
    provenance: Mapping[str, Any]
    data_digest: str
    resumed: bool = False


class Tracker(Protocol):
    """`start`, then any number of the middle four, then `finish`, once."""

    def start(self, info: RunInfo, *, step: int) -> None:
        """Begin at `step`: 0 begins anew, above 0 continues and forgets what came after it."""

    def log(self, metrics: Mapping[str, float], *, step: int) -> None:
        """One row: the metrics measured at `step`, which must be above every step before."""

    def sample(self, text: str, *, step: int) -> None:
        """A text that the model wrote at `step`."""

    def summary(self, values: Mapping[str, Any]) -> None:
        """Plain data about the run as a whole; a later value replaces an earlier one."""

    def artifact(self, folder: Path) -> None:
        """The run's package: a finished folder that no one will change."""

    def finish(self, *, status: str) -> None:
        """The run is over (complete, diverged, failed) or may go on (paused, interrupted)."""
