"""How the runs of a question are executed: each alone, or many of one shape as one batched model.

    alone    a process a run, of so many threads on a CPU
    cohort   up to so many runs of one shape as one model, in one process
    auto     whichever a measurement finds quicker

Design choices:
- what a question asks for may be left to a measurement; what came of that, `Executed`, is decided
  once a sweep and stands in its plan, for a change in the middle would mix what is compared;
- it is no part of a run: the digest of a run does not know it, and where it may have changed a
  number, the facts beside the run tell of it;
- how many jobs go on at a time changes no number and is the command's to say.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, ValidationError

from lab.config.base import Strict

Kind = Literal["alone", "cohort"]


def _amount(value: Any) -> Any:
    if value == "auto" or (type(value) is int and value >= 1):
        return value
    raise ValueError(f"takes a whole number from 1 on, or auto to have it measured; got {value!r}")


Amount = Annotated[int | Literal["auto"], PlainValidator(_amount)]


class Alone(Strict):
    kind: Literal["alone"] = "alone"
    threads: Amount = 1


class Cohort(Strict):
    kind: Literal["cohort"] = "cohort"
    members: Amount = "auto"


class Quicker(Strict):
    """Cohorts where a measurement finds them quicker than runs alone."""

    kind: Literal["auto"] = "auto"


Execution = Annotated[Alone | Cohort | Quicker, Field(discriminator="kind")]


class Executed(Strict):
    """What was decided: how a run is executed, and by what.

    `members` is the most runs of a job; `workers` is how many jobs at a time were found best, None
    where nothing speaks against one for each `threads` cores, or for each GPU. `measured` holds the
    numbers that decided, of `device`, and `why` says it in words. `compiled` names the arms whose
    steps are, where a question leaves that to the lab.
    """

    kind: Kind = "alone"
    members: int = Field(1, ge=1)
    threads: int = Field(1, ge=1)
    workers: int | None = Field(None, ge=1)
    compiled: tuple[str, ...] = ()
    device: str | None = None
    measured: dict[str, float] = Field({})
    why: str = ""

    def at_a_time(self, *, cores: int) -> int:
        """How many jobs go on at a time, where the command does not say."""
        return self.workers or max(1, cores // self.threads)

    def in_words(self, *, workers: int) -> str:
        """One sentence, without a full stop."""
        many = f"{workers} at a time"
        if self.compiled:
            many += f", {', '.join(self.compiled)} compiled"
        if self.kind == "cohort":
            told = f"runs go in cohorts of up to {self.members} of one shape, {many}"
        else:
            threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
            told = f"each run goes alone on {threads}, {many}"
        return f"{told}: {self.why}" if self.why else told


ALONE = Executed()


def stated(asked: Alone | Cohort | Quicker) -> Executed | None:
    """What a question decides by itself; None where it is to be measured."""
    match asked:
        case Alone(threads=int(threads)):
            return Executed(threads=threads)
        case Cohort(members=int(members)):
            return Executed(kind="cohort", members=members)
        case Alone() | Cohort() | Quicker():
            return None


def kept_executed(
    plan: Mapping[str, Any], question: Mapping[str, Any], *, device: str | None
) -> Executed | None:
    """What a plan decided by measuring, if it was asked the same of the same base run; it stands.

    `question` is a question as plain data. What another `device` was measured on does not stand;
    None takes any.
    """
    found = _kept(plan, question, ("base", "execution"))
    return found if found and found.device in (None, device or found.device) else None


def kept_compiled(plan: Mapping[str, Any], question: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The arms that a plan found worth compiling, if it has the same runs as this question."""
    found = _kept(plan, question, ("base", "execution", "variants", "factors", "scales", "match"))
    return found.compiled if found else None


def _kept(
    plan: Mapping[str, Any], question: Mapping[str, Any], parts: tuple[str, ...]
) -> Executed | None:
    """What a plan decided where these parts of its question are the same."""
    resolved = plan.get("resolved") or {}
    if any(resolved.get(part) != question[part] for part in parts):
        return None
    try:
        return Executed.parse(plan["execution"])
    except (KeyError, TypeError, ValidationError):
        return None
