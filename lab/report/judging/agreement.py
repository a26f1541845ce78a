"""Whether sweeps that asked the same thing were answered alike.

Design choices:
- two sweeps ask the same where the same arms, resolved to the last setting, are weighed alike and
  judged by the same metric; what they are called, and by which test and seeds they are judged, is
  left aside: that is what such a comparison is about;
- a difference that another sweep asked the other way round is turned to how it was first asked;
- verdicts that may still change are left out, and so are the twins, which all ask for nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from lab.config.digest import digest
from lab.config.sweep import SweepConfig
from lab.report.collect import Sweep
from lab.report.judging.verdict import Verdict
from lab.report.judging.wording import amount, plural
from lab.report.tables.table import Table

Outcome = Literal["the same", "open in all", "settled in some only", "different"]
OPEN = ("undecided", "unstable")


@dataclass(frozen=True)
class Repeated:
    """A contrast that several sweeps have judged: their verdicts by sweep, in one direction."""

    name: str
    verdicts: Mapping[str, Verdict]

    @property
    def outcome(self) -> Outcome:
        found = {_conclusion(verdict) for verdict in self.verdicts.values()}
        if len(found) == 1:
            return "the same"
        if not found - {*OPEN}:
            return "open in all"
        return "settled in some only" if len(found - {*OPEN}) < 2 else "different"


def repeated(sweeps: Mapping[str, Sweep]) -> list[Repeated]:
    """The contrasts that two sweeps or more have judged, in the order first asked."""
    found: dict[str, dict[str, Verdict]] = {}
    forward: dict[str, bool] = {}
    for name, sweep in sweeps.items():
        for key, is_forward, verdict in _asked(sweep):
            turned = forward.setdefault(key, is_forward) != is_forward
            found.setdefault(key, {}).setdefault(name, _turned(verdict) if turned else verdict)
    several = (verdicts for verdicts in found.values() if len(verdicts) > 1)
    return [Repeated(next(iter(each.values())).name, each) for each in several]


def sentence(found: list[Repeated]) -> str:
    """`11 of 13 comparisons that were asked more than once reach the same verdict.`"""
    if not found:
        return ""
    outcomes = [each.outcome for each in found]
    asked = plural(len(found), "comparison")
    verb, was = ("reaches", "was") if len(found) == 1 else ("reach", "were")
    text = f"{outcomes.count('the same')} of {asked} that {was} asked more than once {verb} "
    text += "the same verdict."
    if neither := outcomes.count("open in all"):
        text += f" In {neither}, all leave it open, for different reasons."
    if some := outcomes.count("settled in some only"):
        text += f" In {some}, one sweep leaves open what another settles."
    if different := outcomes.count("different"):
        text += f" In {different}, the verdicts differ."
    return text


def agreement(found: list[Repeated]) -> Table | None:
    """The table `agreement`: a row a contrast, a column a sweep."""
    if not found:
        return None
    names = dict.fromkeys(name for each in found for name in each.verdicts)
    rows = [
        {
            "Contrast": each.name,
            **{name: _said(each.verdicts.get(name)) for name in names},
            "Verdicts": each.outcome,
        }
        for each in found
    ]
    return Table("agreement", pd.DataFrame(rows))


def _asked(sweep: Sweep) -> Iterator[tuple[str, bool, Verdict]]:
    """What identifies a contrast in either direction, which of the two it is, and its verdict."""
    for verdict in sweep.verdicts():
        if verdict.settled and verdict.n and len(verdict.weights) > 1:
            sides = _sides(sweep.question, verdict)
            is_forward = sides[0][1] > 0
            sides = [(arm, weight if is_forward else -weight) for arm, weight in sides]
            yield digest([sides, verdict.metric]), is_forward, verdict


def _sides(question: SweepConfig, verdict: Verdict) -> list[tuple[str, float]]:
    """The digest of each arm's run, whatever its name and seed, and its weight; sorted."""
    return sorted((_identity(question, arm), w) for arm, w in verdict.weights.items())


def _identity(question: SweepConfig, arm: str) -> str:
    raw = question.variant(arm).dump()
    del raw["tracking"], raw["device"], raw["seed"], raw["train"]["checkpoint_every"]
    return digest(raw)


def _turned(verdict: Verdict) -> Verdict:
    """The same, of the reference minus the variant."""
    return replace(
        verdict,
        name=f"{verdict.reference} − {verdict.variant}",
        variant=verdict.reference,
        reference=verdict.variant,
        difference=-verdict.difference,
        low=-verdict.high,
        high=-verdict.low,
    )


def _conclusion(verdict: Verdict) -> str:
    if verdict.kind != "decided":
        return verdict.kind
    return "lower" if verdict.difference < 0 else "higher"


def _said(verdict: Verdict | None) -> str | None:
    """`decided: −0.234 (4 seeds)`; None where that sweep did not ask."""
    if verdict is None:
        return None
    size = amount(verdict.difference, doubt=(verdict.high - verdict.low) / 2)
    number = "" if verdict.kind == "unstable" else f": {size}"
    return f"{verdict.kind}{number} ({plural(verdict.n, 'seed')})"
