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

    Fewer comparisons than before have more of α each: to leave some out changes the rule.
    """
    return _rule(now) == _rule(then) and len(now.judged) >= len(then.judged)


def _rule(question: SweepConfig) -> tuple[Any, ...]:
    """By what it comes to, not by how it is spelled."""
    confirm, names = question.confirm, ("compare", "factors", "scales", "match")
    return (
        *(getattr(question, name) for name in ("endpoint", "references", *names)),
        confirm
        and (confirm.test, confirm.first_seeds, confirm.max_seeds, confirm.alpha, confirm.margin),
        confirm and confirm.has_twin,
    )


def _question(plan: Plan) -> SweepConfig | None:
    """What a plan asked; None where that cannot be read any more."""
    try:
        return SweepConfig.parse(plan["resolved"])
    except (KeyError, TypeError, AttributeError, ValidationError):
        return None


def _facts(plan: Plan, question: SweepConfig | None) -> dict[str, Any]:
    resolved = question.dump() if question else plan.get("resolved") or {}
    return {**resolved, **{key: plan.get(key) for key in ("corpus_digest", "threads")}}


def _said(value: Any) -> str:
    """As YAML has it on one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
