"""Trials of an earlier sweep, as a plan keeps them: what was taken over when it began stands."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lab.config.space import Settings
from lab.config.sweep import SweepConfig


@dataclass(frozen=True)
class WarmTrial:
    """Settings of the present space, and the objectives that an earlier sweep found there."""

    settings: Settings
    values: list[float]

    def dump(self) -> dict[str, Any]:
        return asdict(self)


def parse_warm(raw: Mapping[str, Any]) -> WarmTrial:
    """The inverse of `dump`."""
    return WarmTrial(dict(raw["settings"]), list(raw["values"]))


@dataclass(frozen=True)
class Warm:
    """What is taken over, and a line for each reason why something is not."""

    trials: tuple[WarmTrial, ...] = ()
    notes: tuple[str, ...] = ()

    def dump(self) -> dict[str, Any]:
        return {"trials": [trial.dump() for trial in self.trials], "notes": list(self.notes)}


def kept_warm(plan: Mapping[str, Any], question: SweepConfig) -> Warm | None:
    """What a plan took over, if it is the plan of this very question; it stands."""
    if plan.get("resolved") != question.dump() or "warm" not in plan:
        return None
    kept = plan["warm"]
    return Warm(tuple(parse_warm(raw) for raw in kept["trials"]), tuple(kept["notes"]))
