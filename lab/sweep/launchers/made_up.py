"""What a pretended run leaves: made-up numbers in the files of a true one.

Design choices:
- every number is drawn from a stream named by what it belongs to, so that it is the same whoever
  runs, when, and in which order: a simulated sweep that is continued is the one it would have been;
- a loss is the sum of what the variant, the settings and the seed do to it, by less and less; it
  falls along the curve. That is enough for samplers, pruners and verdicts to do their work;
- each file says that it is simulated, and no true run ever says so.
"""

import math
from pathlib import Path
from random import Random
from typing import Any

from lab.config.order import WorkOrder
from lab.files import write_json
from lab.result import Status, result
from lab.run_folder import REACHED, RESULT
from lab.sweep.attempts import FAILURE

BEFORE, LOSS = 4.0, 2.0  # nats a token: before the first step, and of a variant like any other
SPREADS = {"variant": 0.05, "settings": 0.03, "seed": 0.005}  # standard deviations
BITS = 1 / math.log(2)


def finish(folder: Path, order: WorkOrder, *, seconds: float, draw: int) -> None:
    """Leave how a run ended, or how far it came where its order ends before it does."""
    steps = order.config.train.steps
    last, loss = steps if order.until is None else min(order.until, steps), loss_of(order, draw)
    is_done = last == steps
    splits = ("val", *(("test",) if order.judge == "test" and is_done else ()))
    status: Status = "complete" if is_done else "running"
    at = {str(step): _row(order, "val", loss, step / steps) for step in _evaluated(order, last)}
    metrics = {k: v for split in splits for k, v in _row(order, split, loss, last / steps).items()}
    content = result(
        order, status, step=last, metrics=metrics, initial=_row(order, "val", loss, 0),
        evaluations=at, model={}, data={}, timing={"total": seconds, "train": seconds},
        provenance={},
    )  # fmt: skip
    told = {**content, "package": None, "simulated": True}
    write_json(folder / (RESULT if is_done else REACHED), told)
    if is_done:
        (folder / REACHED).unlink(missing_ok=True)


def fail(folder: Path, order: WorkOrder, *, share: float) -> None:
    """Leave word of an error, after a share of the run's steps."""
    step = int(share * order.config.train.steps)
    write_json(folder / FAILURE, {"error": "it was made to fail", "step": step, "simulated": True})


def loss_of(order: WorkOrder, draw: int) -> float:
    """Nats a token after the last step."""
    variant, seed = order.labels["variant"], order.config.seed
    names: dict[str, Any] = {
        "variant": variant,
        "settings": (variant, sorted(order.settings.items())) if order.settings else "",
        "seed": (variant, seed),
    }
    return LOSS + sum(
        Random(f"{draw}/{part}/{name}").gauss(0, SPREADS[part]) for part, name in names.items()
    )


def _evaluated(order: WorkOrder, last: int) -> list[int]:
    """The steps at which a run looks at the validation split."""
    return sorted({*range(0, last + 1, order.config.train.eval_interval), last})


def _row(order: WorkOrder, split: str, loss: float, done: float) -> dict[str, float]:
    """What is measured on a split when a share of the run is done."""
    loss += (BEFORE - loss) * (1 - done) ** 2
    lengths = {f"{split}/loss@{n}": loss for n in order.config.lengths} if done == 1 else {}
    if order.config.data.is_task:
        others = {"accuracy": math.exp(-loss), "excess": loss}
    else:
        others = {"perplexity": math.exp(loss), "bpb": loss * BITS}
    return {
        f"{split}/loss": loss,
        **{f"{split}/{name}": value for name, value in others.items()},
        **lengths,
        **({"train/loss": loss} if split == "val" else {}),
    }
