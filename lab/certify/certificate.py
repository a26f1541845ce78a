"""What a certificate says: a line for each thing that was checked, with what was measured."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """What a check has found; `detail` gives the number measured and its bound."""

    passed: bool
    detail: str


@dataclass(frozen=True)
class Check:
    name: str
    passed: bool
    detail: str

    def dump(self) -> dict[str, Any]:
        return {"name": self.name, "passed": self.passed, "detail": self.detail}


@dataclass(frozen=True)
class Certificate:
    checks: Sequence[Check]

    @property
    def passed(self) -> bool:
        return not self.failed

    @property
    def failed(self) -> list[Check]:
        return [check for check in self.checks if not check.passed]


def proved(certificates: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, bool]]:
    """By name of a check: which variants claim it, and whether it holds of all their models.

    Of certificates as plain data, with `variant` and `checks`; in the order of the checks, those
    that only some variants have at their place among the others.
    """
    names: list[str] = []
    for certificate in certificates:
        place = 0
        for check in certificate["checks"]:
            if check["name"] not in names:
                names.insert(place, check["name"])
            place = names.index(check["name"]) + 1
    found: dict[str, dict[str, bool]] = {name: {} for name in names}
    for certificate in certificates:
        for check in certificate["checks"]:
            held, variant = found[check["name"]], certificate["variant"]
            held[variant] = held.get(variant, True) and bool(check["passed"])
    return found


EXACT = 1e-9  # in float64, of numbers around 1
SEEN = 1e-8  # a million times what rounding makes: what is larger is an effect


def at_most(what: str, value: float, bound: float = EXACT) -> Finding:
    """A number that must not be above its bound; NaN is."""
    passed = value <= bound
    if passed and not bound:
        return Finding(True, f"{what} 0")
    return Finding(passed, f"{what} {number(value)} {'≤' if passed else '>'} {number(bound)}")


def at_least(what: str, value: float, bound: float = SEEN) -> Finding:
    passed = value >= bound
    return Finding(passed, f"{what} {number(value)} {'≥' if passed else '<'} {number(bound)}")


def all_of(*findings: Finding) -> Finding:
    """Passes where all do; says what failed, else everything."""
    failed = [finding for finding in findings if not finding.passed]
    return Finding(not failed, "; ".join(finding.detail for finding in failed or findings))


def worst(values: Sequence[float]) -> float:
    """The largest, and NaN where there is one: `max` would pass over it."""
    return math.nan if any(math.isnan(value) for value in values) else max(values, default=0.0)


def number(value: float) -> str:
    """Two digits, and no zero in front of an exponent."""
    return f"{value:.2g}".replace("e-0", "e-").replace("e+", "e").replace("e0", "e")


def is_certificates(raw: Any) -> bool:
    """Whether the content of a `certificates.json` is as a sweep writes it."""
    try:
        checks = [check for c in raw["certificates"] if c["variant"] for check in c["checks"]]
        return all({"name", "passed", "detail"} <= check.keys() for check in checks)
    except (AttributeError, KeyError, TypeError):
        return False
