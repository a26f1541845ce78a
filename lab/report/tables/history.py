"""What was run, how long it took, by what: the tables about the sweep itself."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from lab.config.registered import is_intact
from lab.config.seeds import seeds_of
from lab.config.sweep import SweepConfig
from lab.report.judging.wording import plural
from lab.report.records import PHASES, STATUSES, Record
from lab.report.tables.table import Show, Table, seconds, share

PARTS = {
    "train": "Training",
    "eval": "Evaluation",
    "setup": "Start-up",
    "track": "Tracking",
    "package": "Packaging",
}
SHOWN = 8  # changes since the last plan
NAMES = {"tune": "Tuning", "run": "Single runs", "confirm": "Confirmation"}


def counts(question: SweepConfig, runs: pd.DataFrame) -> Table:
    """Runs by phase and outcome, beside what the plan asks for."""
    rows = []
    for phase in PHASES:
        asked, side = _asked(question, phase), runs[runs["phase"] == phase]
        if asked is None and side.empty:
            continue
        row: dict[str, Any] = {"Phase": NAMES[phase], "Asked for by the plan": asked or "none"}
        rows.append(
            row | {name.capitalize(): int((side["status"] == name).sum()) for name in STATUSES}
        )
    frame = pd.DataFrame(rows)
    unused = [
        name for name in ("Pruned", "Running", "Planned") if name in frame and not frame[name].any()
    ]
    return Table("counts", frame.drop(columns=unused))


def mishaps(runs: pd.DataFrame) -> Table | None:
    """Every run that diverged or failed, with the step or the error."""
    rows = runs[runs["status"].isin(("diverged", "failed"))]
    if rows.empty:
        return None
    frame = pd.DataFrame(
        {
            "Run": rows["run"],
            "Phase": rows["phase"].map(NAMES),
            "Outcome": rows["status"],
            "At step": rows["diverged_at"].fillna(rows["step"]),
            "Error": [_quoted(error) for error in rows["error"]],
        }
    )
    told = frame["Error"].notna().any()
    return Table("mishaps", frame if told else frame.drop(columns="Error"), prose=True)


def useful_share(timing: pd.DataFrame) -> float:
    """The share of the workers' time that was training and evaluation; NaN where none is known."""
    total = float(timing["total"].sum())
    return float((timing["train"] + timing["eval"]).sum()) / total if total > 0 else math.nan


def budget(timing: pd.DataFrame) -> Table | None:
    """Where the workers' time went, by phase."""
    timed = timing.dropna(subset=["total"])
    if timed.empty:
        return None
    phases = [phase for phase in PHASES if (timed["phase"] == phase).any()]
    columns = {NAMES[phase]: timed[timed["phase"] == phase] for phase in phases}
    columns |= {"All": timed} if len(phases) > 1 else {}
    frame = pd.DataFrame({"Part": [*PARTS.values(), "Other", "Total"]})
    shows: dict[str, Show] = {}
    for header, rows in columns.items():
        spent = [float(rows[part].sum()) for part in PARTS]
        total = float(rows["total"].sum())
        spent += [max(0.0, total - sum(spent)), total]
        frame[header] = spent
        frame[f"Share of {header.lower()}"] = [part / total if total else 0.0 for part in spent]
        shows |= {header: seconds, f"Share of {header.lower()}": share}
    return Table("budget", frame, shows, "Seconds of workers, summed over runs.")


def provenance(records: Sequence[Record], plan: Mapping[str, Any]) -> Table:
    """What the numbers were made with; several values where the runs differ."""
    found: dict[str, dict[str, int]] = {"plan": {str(plan.get("hash")): 1}}
    for record in records:
        data = record.part("data")
        facts = dict(record.part("provenance"))
        facts |= {f"data {key}": data[key] for key in ("corpus_digest", "digest") if key in data}
        for split, stats in (data.get("stats") or {}).items():
            facts[f"data {split}"] = ", ".join(f"{n:,} {what}" for what, n in stats.items())
        for key, value in facts.items():
            text = value if isinstance(value, str) else json.dumps(value)
            counted = found.setdefault(key.replace("_", " "), {})
            counted[text] = counted.get(text, 0) + 1
    rows = [
        {
            "What": key,
            "Value": "; ".join(
                text if len(values) == 1 else f"{text} ({plural(n, 'run')})"
                for text, n in values.items()
            ),
        }
        for key, values in found.items()
    ]
    return Table("provenance", pd.DataFrame(rows, columns=["What", "Value"]), prose=True)


def changes(plan: Mapping[str, Any]) -> list[str]:
    """What a reader must know of this plan's past, from what the plan itself says of it."""
    found = []
    if not is_intact(plan):
        found.append(
            "plan.json is not what its hash was made of: it was edited after it was written, so "
            "nothing in it was fixed beforehand."
        )
    before = plan.get("before") or {}
    if before.get("plan"):
        changed = before["changed"]
        more = f", and {plural(len(changed) - SHOWN, 'more change')}" if changed[SHOWN:] else ""
        found.append(
            "This is not the first plan of this folder: the earlier ones lie beside plan.json. "
            + (
                f"Since the last of them changed: {', '.join(changed[:SHOWN])}{more}."
                if changed
                else "Nothing of the question has changed since the last of them."
            )
        )
    if before.get("plan") or before.get("finished"):
        found.append(_seen(len(before["finished"]), len(before["confirmed"])))
    if before.get("exploratory"):
        found.append(
            "How the answer is judged was changed after confirmation runs had been seen: "
            "the answer is exploratory."
        )
    return found


def _seen(runs: int, confirmed: int) -> str:
    """What was known when the plan was written."""
    if not runs:
        return "No run had ended when this plan was written."
    some = "one of them a confirmation run" if confirmed == 1 else (
        f"{confirmed or 'none'} of them confirmation runs"
    )  # fmt: skip
    return f"When this plan was written, {plural(runs, 'run')} had ended, {some}."


def _asked(question: SweepConfig, phase: str) -> str | None:
    arms, tune = len(question.arms), question.tune
    if phase == "tune":
        low = arms * tune.n_trials if tune else 0
        return _span(low, low * tune.seeds) if tune else None
    if phase == "confirm":
        seeds = seeds_of(question).values()
        span = _span(sum(low for low, _ in seeds), sum(high for _, high in seeds))
        return span if seeds else None
    return None if tune or question.confirm else str(arms)


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"


def _quoted(error: Any) -> str | None:
    """The last lines of an error say what it was."""
    if not isinstance(error, str):
        return None
    text = " ".join(error.split())
    return text if len(text) <= 300 else "… " + text[-300:]
