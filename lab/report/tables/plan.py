"""The plan against what came of it: what was promised, what was kept, what stopping early spared.

Design choices:
- what was planned is read from plan.json, what was done from the question and the runs: where the
  two differ, somebody changed a file;
- runs ahead that no verdict needed are listed here and counted nowhere else.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import pandas as pd
from pydantic import ValidationError

from lab.config.registered import is_intact
from lab.config.seeds import seeds_of
from lab.config.sweep import SweepConfig
from lab.report.judging.ended import goes_on
from lab.report.judging.verdict import Verdict
from lab.report.judging.wording import percent, plural
from lab.report.records import Record
from lab.report.tables.table import Table, seconds

K = TypeVar("K")
KEPT, LESS, MORE, DIFFERS = "✓", "fewer", "more", "differs"
Row = tuple[str, str | None, str, str]  # what, planned, actual, whether it was kept


def planned_against_actual(
    question: SweepConfig, runs: pd.DataFrame, plan: Mapping[str, Any]
) -> Table | None:
    """A row a promise of the plan. `runs` is `Sweep.runs()`; None where no plan says what it is."""
    asked = _asked(plan)
    if asked is None:
        return None
    rows: list[Row] = [*_counts(asked, runs, plan), *_rules(asked, question), _hash(plan)]
    frame = pd.DataFrame(rows, columns=["What", "Planned", "Actual", "As planned"])
    return Table("plan", frame, prose=True)


def spared(question: SweepConfig, runs: pd.DataFrame, verdicts: Sequence[Verdict]) -> list[str]:
    """What stopping early spent, in a sentence; [] where `spent` has nothing to tell."""
    found = spent(question, runs, verdicts)
    return [f"Sequential stopping spent {of_fixed(found, question.twins)}."] if found else []


def spent(
    question: SweepConfig, runs: pd.DataFrame, verdicts: Sequence[Verdict]
) -> dict[str, tuple[int, int]]:
    """The confirmation runs of each arm and twin, and those that a fixed number of seeds would
    take; {} where nothing stops early, or the sweep is not at its end: what is not settled may
    still take all."""
    confirm = question.confirm
    if confirm is None or confirm.test != "anytime" or not question.contrasts:
        return {}
    if goes_on(runs, verdicts):
        return {}
    counted = runs[runs["phase"] == "confirm"]["variant"].value_counts()
    return {
        name: (int(counted[name]), most)
        for name, (_, most) in seeds_of(question).items()
        if name in counted
    }


def of_fixed(spent: Mapping[K, tuple[int, int]], twins: Container[K]) -> str:
    """`20 of the 32 confirmation runs that the fixed design would have (62.5 %)`."""
    (x, y), (u, v) = _sums(spent.values()), _sums(spent[k] for k in spent if k not in twins)
    text = f"{x:,} of the {plural(y, 'confirmation run')} that the fixed design would have "
    without = "" if v == y else f"; without twins {u:,} of {v:,}, {percent(u / v)}"
    return f"{text}({percent(x / y)}{without})"


def _sums(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    firsts, seconds = zip(*pairs, strict=True)
    return sum(firsts), sum(seconds)


def surplus(records: Sequence[Record]) -> Table | None:
    """The runs of `Sweep.surplus()`."""
    if not records:
        return None
    rows = [
        {
            "Run": record.run,
            "Variant": record.variant,
            "Seed": record.seed,
            "Status": record.status,
            "Seconds": record.part("timing").get("total"),
        }
        for record in records
    ]
    frame = pd.DataFrame(rows).astype({"Seconds": "float64"})
    return Table("surplus", frame, {"Seconds": seconds})


def about_surplus(records: Sequence[Record]) -> list[str]:
    if not records:
        return []
    spent = sum(record.part("timing").get("total") or 0.0 for record in records)
    return [
        f"Idle workers ran {plural(len(records), 'run')} ahead that no verdict needed, in "
        f"{seconds(spent)} of worker time: listed here, and counted nowhere else."
    ]


def _asked(plan: Mapping[str, Any]) -> SweepConfig | None:
    """The question as the plan has it; None where it has none, or one of another lab."""
    try:
        return SweepConfig.parse(plan["resolved"])
    except (KeyError, TypeError, AttributeError, ValidationError):
        return None


def _counts(asked: SweepConfig, runs: pd.DataFrame, plan: Mapping[str, Any]) -> Iterator[Row]:
    ended = runs[~runs["status"].isin(("running", "planned"))]
    if span := plan.get("runs"):
        yield _within("Runs", (span["least"], span["greatest"]), len(ended))
    if asked.tune:
        tuned = ended[ended["phase"] == "tune"]
        for arm in asked.arms:
            trials = tuned[tuned["variant"] == arm]["trial"].nunique()
            yield _within(f"Trials of {arm}", (asked.tune.n_trials,) * 2, trials)
    confirmed = ended[ended["phase"] == "confirm"]["variant"]
    compared = {arm for contrast in plan.get("contrasts", ()) for arm in contrast["weights"]}
    for name, span in seeds_of(asked).items():
        if name in asked.twins and name not in compared:
            continue  # a plan of before there were twins
        yield _within(f"Seeds of {name}", span, int((confirmed == name).sum()))


def _within(what: str, span: tuple[int, int], actual: int) -> Row:
    low, high = span
    kept = LESS if actual < low else MORE if actual > high else KEPT
    return what, f"{low:,}" if low == high else f"{low:,} to {high:,}", f"{actual:,}", kept


def _rules(asked: SweepConfig, question: SweepConfig) -> Iterator[Row]:
    for (what, planned), (_, actual) in zip(_facts(asked), _facts(question), strict=True):
        yield what, planned, actual, KEPT if planned == actual else DIFFERS


def _facts(question: SweepConfig) -> Iterator[tuple[str, str]]:
    """What is judged, and how."""
    confirm, k = question.confirm, len(question.judged)
    yield "Matched in", question.match
    yield "Judged by", question.endpoint if confirm else "nothing"
    yield "Test", confirm.test if confirm else "none"
    yield "Comparisons", str(k)
    yield "Level α, shared among them", f"{confirm.alpha:g}" if confirm else "none"
    margin = confirm.margin if confirm else None
    yield "Margin of equivalence", "none" if margin is None else f"{margin:g}"


def _hash(plan: Mapping[str, Any]) -> Row:
    fits = is_intact(plan)
    actual = "is of the plan's content" if fits else "is not of the plan's content"
    return "Hash of the plan", str(plan.get("hash"))[:16], actual, KEPT if fits else DIFFERS
