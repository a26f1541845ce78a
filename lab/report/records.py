"""Runs as records and as a table: what was ordered and, once it has ended, what came out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from lab.config.space import Choices, Range, Scalar
from lab.config.sweep import SweepConfig
from lab.errors import SweepError
from lab.report.terms import natural

PHASES = ("tune", "run", "confirm")
STATUSES = ("complete", "pruned", "diverged", "failed", "running", "planned")
METRICS = (
    "train/loss",
    *(f"{split}/{kind}" for split in ("val", "test") for kind in ("loss", "perplexity", "bpb")),
)
MODEL = ("n_params", "n_params_embedding", "flops_per_token", "vocab_size")
DATA = ("corpus_digest", "data_digest")
WHOLE = ("trial", "seed", "step", "tokens", "diverged_at", *MODEL)
FIXED = (
    *("run", "variant", "phase", "trial", "seed", "status"),
    *(*MODEL, "step", "tokens", "digest", *DATA, "diverged_at", "error", "package"),
)
RESERVED = {*FIXED, *METRICS, "number", "state", "source", "reason", "seeds", "loss", "endpoint"}
Kind = Literal["Int64", "float64", "object"]
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
    variants = [*question.arms, *question.twins]

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
    (`initial/...`), counts, outcome. No timing. Integers are `Int64`, missing values NA.

    A setting that is not there in a trial is NaN; one of words, or that may be None, is as it is.
    """
    records = in_order(question, records)
    settings = setting_kinds(question, (r.order.get("settings") or {} for r in records))
    metrics = _columns(METRICS, (name for r in records for name in r.part("metrics")))
    judged = [question.tuning_metric] if question.tuning_metric.startswith("val/") else []
    initial = _columns(judged, (name for r in records for name in r.part("initial")))
    numbers = [*metrics, *(f"initial/{name}" for name in initial)]
    columns = [*FIXED[:6], *settings, *numbers, *FIXED[6:]]
    frame = pd.DataFrame([_row(record) for record in records], columns=columns, dtype="object")
    kinds: dict[str, Any] = {**settings, **dict.fromkeys(numbers, "float64")}
    return frame.astype(kinds | dict.fromkeys(WHOLE, "Int64"))


def column(setting: str) -> str:
    """The column of a setting: its name, unless a table has another use for that."""
    return f"settings/{setting}" if setting in RESERVED else setting


def setting_kinds(question: SweepConfig, found: Iterable[Mapping[str, Scalar]]) -> dict[str, Kind]:
    """The columns of all settings, and what each holds: those of the space come first."""
    space = question.tune.space if question.tune else {}
    seen: dict[str, list[Scalar]] = {name: [] for name in space}
    for settings in found:
        for name, value in settings.items():
            seen.setdefault(name, []).append(value)
    named = [*space, *sorted(seen.keys() - space.keys())]
    return {column(name): _kind(space.get(name), seen[name]) for name in named}


def _kind(entry: Range | Choices | None, seen: Sequence[Scalar]) -> Kind:
    """Floats where any may be one, whole numbers where all are, else whatever they are."""
    values = [*seen, *(entry.keys if isinstance(entry, Choices) else ())]
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) < len(values):
        return "object"
    if isinstance(entry, Range):
        whole = entry.integer and all(value == int(value) for value in numbers)
    else:
        whole = bool(numbers) and all(isinstance(value, int) for value in numbers)
    return "Int64" if whole else "float64"


def _row(record: Record) -> dict[str, Any]:
    result = record.result
    error = result.get("reason" if record.status == "diverged" else "error")
    return {
        "run": record.run,
        "variant": record.variant,
        "phase": record.phase,
        "trial": record.trial,
        "seed": record.seed,
        "status": record.status,
        **{column(name): x for name, x in (record.order.get("settings") or {}).items()},
        **record.part("metrics"),
        **{f"initial/{name}": value for name, value in record.part("initial").items()},
        **{name: record.part("model").get(name) for name in MODEL},
        "step": result.get("step"),
        "tokens": result.get("tokens"),
        "digest": record.order.get("digest") or result.get("digest"),
        "corpus_digest": record.part("data").get("corpus_digest"),
        "data_digest": record.part("data").get("digest"),
        "diverged_at": result.get("diverged_at"),
        "error": error.strip() if isinstance(error, str) else None,
        "package": result.get("package"),
    }


def _columns(first: Sequence[str], others: Iterable[str]) -> list[str]:
    """The others by name, `test/loss@64` before `test/loss@128`."""
    return [*first, *sorted({*others} - {*first}, key=natural)]


def _index(order: Sequence[str], name: str) -> int:
    return order.index(name) if name in order else len(order)
