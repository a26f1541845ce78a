"""The trials of a search, as `trials.json` tells them.

Design choices:
- a trial is here what the sweep says of it, not what its runs say: two trials may share a run;
- a file of another plan than the present one says nothing about this sweep, and is not read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import FiniteFloat, TypeAdapter, ValidationError

from lab.config.objective import Objective
from lab.config.space import Settings
from lab.config.sweep import SweepConfig
from lab.errors import SweepError

FILE = "trials.json"
REMEDY = "remove it and continue the sweep with the same command: it is written anew from the runs"
State = Literal["complete", "pruned", "diverged", "failed", "running"]
STATES: tuple[State, ...] = ("complete", "pruned", "diverged", "failed", "running")
LOST = ("diverged", "failed")


@dataclass(frozen=True)
class Trial:
    """`values` are the means over the seeds that ended, by objective, `replicates` what each of
    them came to, `intermediate` the first objective of the first seed's run by step."""

    variant: str
    number: int
    state: State
    settings: Settings
    values: list[FiniteFloat] | None = None
    replicates: list[list[FiniteFloat]] = field(default_factory=list)
    intermediate: dict[int, FiniteFloat] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    tokens: int = 0
    full_tokens: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    source: str = "list"
    reason: str | None = None

    @property
    def key(self) -> tuple[str, int]:
        return self.variant, self.number

    @property
    def is_complete(self) -> bool:
        return self.state == "complete" and bool(self.values)

    def value(self, objective: int = 0) -> float | None:
        """What it came to, or how far it had come when it was given up."""
        if self.values:
            return self.values[objective]
        if objective == 0 and self.state == "pruned" and self.intermediate:
            return self.intermediate[max(self.intermediate)]
        return None


@dataclass(frozen=True)
class Skipped:
    variant: str
    settings: Settings
    reason: str


@dataclass(frozen=True)
class Tokens:
    """Trained on by all trials, and what all of them to their end would have taken."""

    spent: int = 0
    full: int = 0

    @property
    def share(self) -> float | None:
        return self.spent / self.full if self.full else None


@dataclass(frozen=True)
class Search:
    """`skipped` are the first of `n_skipped` settings that were ruled out before a run."""

    objectives: list[Objective]
    seeds: int
    trials: list[Trial]
    tokens: Tokens = field(default_factory=Tokens)
    skipped: list[Skipped] = field(default_factory=list)
    n_skipped: int = 0
    warm: list[dict[str, Any]] = field(default_factory=list)
    warm_notes: list[str] = field(default_factory=list)
    importance: dict[str, dict[str, FiniteFloat]] = field(default_factory=dict)
    over: bool = True  # no trial is to come
    is_kept: bool = True  # read from its file, not put together from runs

    @property
    def ended(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.state != "running"]

    @property
    def complete(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.is_complete]

    @property
    def sign(self) -> int:
        """Times this, less of the first objective is better."""
        return self.objectives[0].sign

    def count(self, *states: str) -> int:
        return sum(trial.state in states for trial in self.trials)


_SEARCH = TypeAdapter(Search)


def parse_search(raw: Mapping[str, Any], question: SweepConfig, *, path: Path) -> Search:
    """Raises `SweepError` naming the file and the first thing in it that cannot be."""
    try:
        search = _SEARCH.validate_python(dict(raw))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise damaged(path, f"{where}: {first['msg']}") from None
    for trial in search.trials:
        _check(trial, question, path)
    return search


def _check(trial: Trial, question: SweepConfig, path: Path) -> None:
    where, space = f"trial {trial.number}", question.tune.space if question.tune else {}
    if trial.variant not in question.arms:
        raise damaged(path, f"{where} is of {trial.variant!r}, which the question does not have")
    if unknown := trial.settings.keys() - space.keys():
        raise damaged(path, f"{where} sets {min(unknown)!r}, which is not in the space")
    rows = [*trial.replicates, *([] if trial.values is None else [trial.values])]
    if any(len(row) != len(question.objectives) for row in rows):
        raise damaged(path, f"{where} does not have a value for each objective")


def damaged(path: Path, why: str) -> SweepError:
    return SweepError(f"{path} is damaged ({why}); {REMEDY}")
