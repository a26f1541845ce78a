"""`result.json`: how a run ended, in plain values. Without it a run is not finished.

`reached.json` is alike, of a run that has paused where its order ended: its status is 'running'.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from lab.config.ended import ended_fault
from lab.config.order import WorkOrder

Status = Literal["running", "complete", "pruned", "diverged", "failed"]
SCHEMA = 1
KEYS = ("diverged_at", "error", "package")  # beside those that `result_fault` looks into


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
    reason: str | None = None,
    error: str | None = None,
) -> dict[str, Any]:
    """All that is kept of a run besides its curves; `timing` alone may differ between repeats.

    `evaluations` are the metrics by step, wherever the validation split was read; `reason` says in
    words what was not finite.
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
        "reason": reason,
        "package": order.run if order.package and status == "complete" else None,
    }


def failure(order: WorkOrder, error: str, *, step: int = 0) -> dict[str, Any]:
    """The result of a run all of whose attempts went wrong: the worst, and may be asked for again.

    `step` is the last that it told of.
    """
    return result(
        order,
        "failed",
        step=step,
        metrics={},
        initial={},
        evaluations={},
        model={},
        data={},
        timing={},
        provenance=order.provenance,
        error=error,
    )


def how_it_diverged(result: Mapping[str, Any]) -> str:
    """When a run diverged, and what of it was not finite; earlier results do not say what."""
    what = result.get("reason")
    return f"diverged at step {result.get('diverged_at')}" + (f": {what}" if what else "")


def pruned(reached: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """The result of a run that was given up where it had paused, of its `reached.json`.

    Its metrics are those of its last evaluation; `reason` says in words why it ended there.
    """
    return {**reached, "status": "pruned", "reason": reason}


def result_fault(found: Mapping[str, Any]) -> str | None:
    """What of a result that was read a sweep could not go on with; None where all is well."""
    if found.get("status") not in get_args(Status):
        return f"status is {found.get('status')!r}"
    if type(found.get("step")) is not int:
        return f"step is {found.get('step')!r}"
    for part in ("metrics", "evaluations", "model", "timing"):
        if not isinstance(found.get(part), dict):
            return f"{part} is {found.get(part)!r}"
    numbers = [*found["metrics"].values(), *found["timing"].values()]
    if not all(type(number) in (int, float) for number in numbers):
        return "a metric is no number"
    missing = next((f"{key} is missing" for key in KEYS if key not in found), None)
    return missing or ended_fault(found)
