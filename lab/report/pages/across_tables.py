"""Several sweeps side by side: their verdicts, what they spent, in what they differ, all runs.

Design choices:
- sweeps are shown, never ranked: what they are judged by may differ, and stands in each row;
- what stopping early saved is counted in confirm runs, against the same design with a fixed number
  of seeds, and only of sweeps that could stop early and have come to their end.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from lab.config.sweep import SweepConfig
from lab.report.collect import Sweep
from lab.report.judging.wording import amount, plural
from lab.report.tables import plan as plan_part
from lab.report.tables.table import Show, Table, decimals, share
from lab.report.terms import header, setting

Sweeps = Mapping[str, Sweep]
ARMS = ("variants", "factors", "scales", "matched")  # are told by the verdicts
ASIDE = ("question", "base.tracking", *ARMS)


def verdicts(sweeps: Sweeps) -> Table:
    """A row a verdict, and one for each twin that was trained."""
    rows = [
        {
            "Sweep": name,
            "Contrast": verdict.name or verdict.variant,
            "Verdict": verdict.kind,
            "Difference": verdict.difference,
            "Interval from": verdict.low,
            "Interval to": verdict.high,
            "Level": verdict.level,
            "Seeds": verdict.n,
            "Margin": _margin(sweep.question),
            "Judged by": header(verdict.metric),
        }
        for name, sweep in sweeps.items()
        for verdict in (*sweep.verdicts(), *(twin for twin in sweep.controls() if twin.n))
    ]
    shows: dict[str, Show] = dict.fromkeys(("Difference", "Interval from", "Interval to"), amount)
    shows |= {"Level": lambda level: f"{100 * level:.3g} %", "Margin": lambda m: f"{m:g}"}
    return Table("verdicts", pd.DataFrame(rows), shows, _judged_alike(sweeps))


def costs(sweeps: Sweeps) -> Table:
    """What each sweep trained."""
    rows = []
    stopped: dict[tuple[str, str], tuple[int, int]] = {}
    for name, sweep in sweeps.items():
        runs, confirm = sweep.runs(), sweep.question.confirm
        spent = plan_part.spent(sweep.question, runs, sweep.verdicts())
        stopped |= {(name, arm): counts for arm, counts in spent.items()}
        confirmed = int((runs["phase"] == "confirm").sum())
        fixed = sum(most for _, most in spent.values())
        rows.append(
            {
                "Sweep": name,
                "Test": confirm.test if confirm else None,
                "Tuning runs": int((runs["phase"] == "tune").sum()),
                "Confirm runs": confirmed,
                "In the fixed design": fixed or None,
                "Share": confirmed / fixed if fixed else math.nan,
                "Ran ahead unneeded": len(sweep.surplus()),
                "Worker minutes": float(sweep.timing()["total"].sum()) / 60,
            }
        )
    frame = pd.DataFrame(rows).astype({"In the fixed design": "Int64"})
    shows: dict[str, Show] = {"Share": share, "Worker minutes": decimals(1)}
    return Table("costs", frame, shows, _stopped(sweeps, stopped))


def _stopped(sweeps: Sweeps, found: Mapping[tuple[str, str], tuple[int, int]]) -> str:
    """`Sequential stopping spent 60 of the 96 confirmation runs ..., summed over 4 sweeps.`"""
    if not found:
        return ""
    twins = {(name, twin) for name, sweep in sweeps.items() for twin in sweep.question.twins}
    where = plural(len({name for name, _ in found}), "sweep")
    return f"Sequential stopping spent {plan_part.of_fixed(found, twins)}, summed over {where}."


def settings(sweeps: Sweeps) -> Table | None:
    """The settings that sweeps have and do not share, a column a sweep; None where there are none.

    What only some have, such as the settings of a kind, is told by that kind.
    """
    found = {name: dict(_flat(sweep.question.dump())) for name, sweep in sweeps.items()}
    for name, sweep in sweeps.items():
        found[name] = {"variants": plural(len(sweep.question.arms), "variant")} | found[name]
    values: dict[str, set[str]] = {}
    for each in found.values():
        for path, value in each.items():
            values.setdefault(path, set()).add(value)
    differing = [path for path, different in values.items() if len(different) > 1]
    if not differing:
        return None
    columns = {name: [each.get(path) for path in differing] for name, each in found.items()}
    return Table("settings", pd.DataFrame({"Setting": differing, **columns}), prose=True)


def all_runs(sweeps: Sweeps) -> pd.DataFrame:
    """`Sweep.runs()` of all, a column `sweep` before them; NaN where a sweep has no such column."""
    tables = [sweep.runs().assign(sweep=name).astype("object") for name, sweep in sweeps.items()]
    joint = pd.concat(tables, ignore_index=True)
    return joint[["sweep", *joint.columns.drop("sweep")]]


def _judged_alike(sweeps: Sweeps) -> str:
    metrics = {sweep.question.endpoint for sweep in sweeps.values()}
    if len(metrics) == 1:
        return ""
    return "Not all are judged by the same metric: such differences are not to be compared in size."


def _margin(question: SweepConfig) -> float:
    found = question.confirm.margin if question.confirm else None
    return math.nan if found is None else found


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Dotted paths and the values there, as a question writes them."""
    if path in ASIDE:
        return
    if isinstance(value, dict) and value:
        yield path, "given"
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, dict | list):
        yield path, ", ".join(map(setting, value)) or "none"
    else:
        yield path, setting(value)
