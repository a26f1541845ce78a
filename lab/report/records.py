"""Runs as records and as a table: what was ordered and, once it has ended, what came out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lab.config.sweep import SweepConfig
from lab.errors import SweepError

PHASES = ("tune", "run", "confirm")
STATUSES = ("complete", "pruned", "diverged", "failed", "running", "planned")
METRICS = (
    "train/loss",
    *(f"{split}/{kind}" for split in ("val", "test") for kind in ("loss", "perplexity", "bpb")),
)
MODEL = ("n_params", "n_params_embedding", "flops_per_token", "vocab_size")
WHOLE = ("trial", "seed", "step", "tokens", "diverged_at", *MODEL)
REMEDY = "remove the run's folder and run the sweep again"


@dataclass(frozen=True)
class Record:
    run: str
    status: str
    variant: str
    phase: str
    trial: int | None
    seed: int
    order: Mapping[str, Any]
    result: Mapping[str, Any]

    def part(self, name: str) -> Mapping[str, Any]:
        """A section of the result, empty while there is none."""
        return self.result.get(name) or {}


def record(
    order: Mapping[str, Any], result: Mapping[str, Any] | None, *, unfinished: str = "planned"
) -> Record:
    """One run, of the content of its `order.json` and `result.json` (None or empty: not ended).

    `unfinished` is the status of a run without a result.
    """
    result, run = result or {}, str(order.get("run"))
    status = result.get("status", unfinished)
    try:
        if status not in STATUSES:
            raise ValueError(f"unknown status {status!r}")
        labels = order["labels"]
        trial = labels.get("trial")
        return Record(
            run=run,
            status=status,
            variant=labels["variant"],
            phase=labels["phase"],
            trial=None if trial is None else int(trial),
            seed=int(result["seed"] if result else run.rsplit("-", 2)[1]),
            order=order,
            result=result,
        )
    except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise SweepError(f"run {run} is damaged ({error!r}); {REMEDY}") from None


def in_order(question: SweepConfig, records: Iterable[Record]) -> list[Record]:
    """Tuning first, then by variant in the plan's order, then by trial or seed."""
    variants = list(question.variants)

    def place(record: Record) -> tuple[int, int, int, int, str]:
        trial = record.trial or 0 if record.phase == "tune" else 0
        return (
            _index(PHASES, record.phase),
            _index(variants, record.variant),
            trial,
            record.seed,
            record.run,
        )

    return sorted(records, key=place)


def frame(
    question: SweepConfig, runs: Iterable[tuple[Mapping[str, Any], Mapping[str, Any] | None]]
) -> pd.DataFrame:
    """The table that `judge` reads, of pairs of an order and its result."""
    return table(question, [record(order, result) for order, result in runs])


def table(question: SweepConfig, records: Iterable[Record]) -> pd.DataFrame:
    """A row a run: labels, settings by path, metrics, the loss before the first step
    (`initial/...`), counts, outcome. No timing. Integers are `Int64`, missing values NA."""
    records = in_order(question, records)
    settings = _columns(
        list(question.tune.space) if question.tune else [],
        (name for r in records for name in r.order.get("settings") or {}),
    )
    metrics = _columns(METRICS, (name for r in records for name in r.part("metrics")))
    initial = _columns(
        [question.tuning_metric], (name for r in records for name in r.part("initial"))
    )
    numbers = [*settings, *metrics, *(f"initial/{name}" for name in initial)]
    columns = ["run", "variant", "phase", "trial", "seed", "status", *numbers]
    columns += [*MODEL, "step", "tokens", "digest", "diverged_at", "error", "package"]
    frame = pd.DataFrame([_row(record) for record in records], columns=columns)
    kinds = dict.fromkeys(columns, "object") | dict.fromkeys(numbers, "float64")
    return frame.astype(kinds | dict.fromkeys(WHOLE, "Int64"))


def _row(record: Record) -> dict[str, Any]:
    result, error = record.result, record.result.get("error")
    return {
        "run": record.run,
        "variant": record.variant,
        "phase": record.phase,
        "trial": record.trial,
        "seed": record.seed,
        "status": record.status,
        **(record.order.get("settings") or {}),
        **record.part("metrics"),
        **{f"initial/{name}": value for name, value in record.part("initial").items()},
        **{name: record.part("model").get(name) for name in MODEL},
        "step": result.get("step"),
        "tokens": result.get("tokens"),
        "digest": record.order.get("digest") or result.get("digest"),
        "diverged_at": result.get("diverged_at"),
        "error": error.strip() if isinstance(error, str) else None,
        "package": result.get("package"),
    }


def _columns(first: Sequence[str], others: Iterable[str]) -> list[str]:
    return [*first, *sorted({*others} - {*first})]


def _index(order: Sequence[str], name: str) -> int:
    return order.index(name) if name in order else len(order)
