"""What was there before a plan was written: the plan before it, and the runs that had been seen.

Design choices:
- a plan may change whenever its user likes; what is judged by one is exploratory once its rule of
  judging was changed after confirmation runs of it had ended, and under every later plan;
- runs that ended without a plan beside them, or beside one that was edited, count as seen too;
- settings that an older plan does not name are those that a question has by default.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from lab.config.contrasts import Contrast
from lab.config.registered import is_intact
from lab.config.sweep import SweepConfig

Plan = Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """A run whose outcome is there to be seen: neither failed nor under way."""

    name: str
    variant: str
    phase: str


def before(new: Plan, old: Plan, seen: Sequence[Seen]) -> dict[str, Any]:
    """The part `before` of the new plan. `old` is {} where there was no plan."""
    now, then = SweepConfig.parse(new["resolved"]), _question(old)
    compared = {arm for contrast in now.contrasts for arm in contrast.weights}
    confirmed = [run.name for run in seen if run.phase == "confirm" and run.variant in compared]
    stands = then is not None and is_intact(old) and _is_judged_alike(now, then)
    return {
        "plan": old.get("hash"),
        "changed": differences(_facts(old, then), _facts(new, now)) if old else [],
        "finished": [run.name for run in seen],
        "confirmed": confirmed,
        "exploratory": bool(
            (old.get("before") or {}).get("exploratory") or (confirmed and not stands)
        ),
    }


def differences(old: Any, new: Any, prefix: str = "") -> list[str]:
    """`path: old → new` for every leaf that differs."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(key for key in new if key not in old)]
        lines = (differences(old.get(k), new.get(k), f"{prefix}{k}.") for k in keys)
        return [line for group in lines for line in group]
    return [] if old == new else [f"{prefix[:-1]}: {_said(old)} → {_said(new)}"]


def _is_judged_alike(now: SweepConfig, then: SweepConfig) -> bool:
    """Whether one rule says what counts as an answer.

    To leave a comparison out, or to put another in its place, changes the rule: α is shared among
    those that are asked, also by what was found of those that are asked no more.
    """
    asked = [_meaning(now, contrast) for contrast in now.judged]
    return _rule(now) == _rule(then) and all(_meaning(then, c) in asked for c in then.judged)


def _meaning(question: SweepConfig, contrast: Contrast) -> Any:
    """A contrast by what is trained, whatever its arms are called."""
    weights = contrast.weights.items()
    return sorted((question.variant(arm).model_dump_json(), weight) for arm, weight in weights)


def _rule(question: SweepConfig) -> tuple[Any, ...]:
    """By what it comes to, not by how it is spelled.

    A test that may be looked at after every seed errs no more with more seeds, or fewer; a twin is
    no part of the answer.
    """
    confirm, names = question.confirm, ("compare", "factors", "scales", "match")
    seeds = confirm.max_seeds if confirm and confirm.test == "fixed" else None
    return (
        *(getattr(question, name) for name in ("endpoint", "references", *names)),
        confirm and (confirm.test, seeds, confirm.alpha, confirm.margin),
    )


def _question(plan: Plan) -> SweepConfig | None:
    """What a plan asked; None where that cannot be read any more."""
    try:
        return SweepConfig.parse(plan["resolved"])
    except (KeyError, TypeError, AttributeError, ValidationError):
        return None


def _facts(plan: Plan, question: SweepConfig | None) -> dict[str, Any]:
    resolved = question.dump() if question else plan.get("resolved") or {}
    if question:  # they go by the order of variants and levels, too
        resolved = {**resolved, "reference": question.reference}
    return {**resolved, **{key: plan.get(key) for key in ("corpus_digest", "threads")}}


def _said(value: Any) -> str:
    """As YAML has it on one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
