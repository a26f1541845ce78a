"""`result.json`: how a run ended, in plain values. Without it a run is not finished.

`reached.json` is alike, of a run that has paused where its order ended: its status is 'running'.
"""

from collections.abc import Mapping
from typing import Any, Literal

from lab.config.order import WorkOrder

Status = Literal["running", "complete", "pruned", "diverged", "failed"]
SCHEMA = 1


def result(
    order: WorkOrder,
    status: Status,
    *,
    step: int,
    metrics: Mapping[str, float],
    initial: Mapping[str, float],
    evaluations: Mapping[str, Mapping[str, float]],
    model: Mapping[str, Any],
    data: Mapping[str, Any],
    timing: Mapping[str, float],
    provenance: Mapping[str, Any],
    diverged_at: int | None = None,
    error: str | None = None,
) -> dict[str, Any]:
    """All that is kept of a run besides its curves; `timing` alone may differ between repeats.

    `evaluations` are the metrics by step, wherever the validation split was read.
    """
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
        "evaluations": {step: dict(found) for step, found in evaluations.items()},
        "model": dict(model),
        "data": dict(data),
        "timing": dict(timing),
        "provenance": dict(provenance),
        "diverged_at": diverged_at,
        "error": error,
        "reason": None,
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
        evaluations={},
        model={},
        data={},
        timing={},
        provenance=order.provenance,
        error=error,
    )


def pruned(reached: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """The result of a run that was given up where it had paused, of its `reached.json`.

    Its metrics are those of its last evaluation; `reason` says in words why it ended there.
    """
    return {**reached, "status": "pruned", "reason": reason}
