"""`result.json`: how a run ended, in plain values. Without it a run is not finished."""

from collections.abc import Mapping
from typing import Any, Literal

from lab.config.order import WorkOrder

Status = Literal["complete", "diverged", "failed"]
SCHEMA = 1


def result(
    order: WorkOrder,
    status: Status,
    *,
    step: int,
    metrics: Mapping[str, float],
    initial: Mapping[str, float],
    model: Mapping[str, Any],
    data: Mapping[str, Any],
    timing: Mapping[str, float],
    provenance: Mapping[str, Any],
    diverged_at: int | None = None,
    error: str | None = None,
) -> dict[str, Any]:
    """All that is kept of a run besides its curves; `timing` alone may differ between repeats."""
    return {
        "schema": SCHEMA,
        "run": order.run,
        "digest": order.digest,
        "status": status,
        "seed": order.config.seed,
        "step": step,
        "tokens": step * order.config.tokens_per_step,
        "metrics": dict(metrics),
        "initial": dict(initial),
        "model": dict(model),
        "data": dict(data),
        "timing": dict(timing),
        "provenance": dict(provenance),
        "diverged_at": diverged_at,
        "error": error,
        "package": order.run if order.package and status == "complete" else None,
    }


def failure(order: WorkOrder, error: str) -> dict[str, Any]:
    """The result of a run that ended in an error: the worst, and may be tried again."""
    return result(
        order,
        "failed",
        step=0,
        metrics={},
        initial={},
        model={},
        data={},
        timing={},
        provenance=order.provenance,
        error=error,
    )
