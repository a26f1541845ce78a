"""What metrics and settings are called, and how their values are written.

Design choices:
- a loss is named with its split, and its unit tells nats a token from bits a byte; one at another
  length than training's, `test/loss@256`, with that length;
- a setting is named by the last parts of its path, as many as tell it from the others;
- a value is written as a question would have it: `none`, `true`, `rope`, 0.003.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from lab.config.metric import length_of
from lab.config.space import Scalar
from lab.config.sweep import SweepConfig

UNITS = {
    "loss": "nats a token",
    "excess": "nats a token",
    "floor": "nats a token",
    "bpb": "bits a byte",
    "seconds": "seconds",
    "tokens_per_second": "tokens a second",
}
NUMBER = re.compile(r"(\d+)")
KINDS = {
    "perplexity": "perplexity",
    "accuracy": "accuracy",
    "excess": "excess over the floor",
    "floor": "floor",
}
QUANTITIES = {
    "train/grad_norm": "gradient norm",
    "train/lr": "learning rate",
    "model.n_params": "number of parameters",
    "model.n_params_embedding": "number of embedding parameters",
    "model.flops_per_token": "FLOPs a token",
    "time/seconds": "time",
    "time/tokens_per_second": "speed",
}


def unit(metric: str) -> str:
    """Empty where a number has none."""
    return UNITS.get(_kind(metric), "")


def quantity(metric: str) -> str:
    """`val/loss` is the validation loss, and so is `val/bpb`, in another unit."""
    if metric in QUANTITIES:
        return QUANTITIES[metric]
    name = f"{split_of(metric)} {KINDS.get(_kind(metric), 'loss')}"
    return f"{name}{at_length(metric)}"


def at_length(metric: str) -> str:
    """` at 256 tokens`; nothing where windows are as long as in training."""
    length = length_of(metric)
    return "" if length is None else f" at {length:,} tokens"


def split_of(metric: str) -> str:
    split = metric.split("/")[0]
    return {"val": "validation", "train": "training"}.get(split, split)


def header(metric: str) -> str:
    """`Validation loss, nats a token`: for a column or an axis."""
    name = quantity(metric)
    return ", ".join(part for part in (name[:1].upper() + name[1:], unit(metric)) if part)


def with_unit(number: str, metric: str) -> str:
    return f"{number} {unit(metric)}".rstrip()


def reading(metric: str, value: float) -> str:
    """A value of a metric without its unit: counts whole, all else to four decimals at least."""
    if metric.startswith(("model.", "time/tokens")):
        return f"{value:,.0f}"
    if metric == "time/seconds":
        return f"{value:,.1f}"
    text = f"{value:.4f}" if abs(value) >= 0.01 or value == 0 else f"{value:.3g}"
    return text.replace("-", "−")


def measured(metric: str, value: float) -> str:
    """A value with what it counts, for a sentence: `1.9312 nats a token`, `63,744 parameters`."""
    counted = {"n_params": "parameters", "n_params_embedding": "embedding parameters"}
    of = unit(metric) or counted.get(metric.removeprefix("model."), "")
    number = reading(metric, value)
    return f"{number} {of}" if of else f"{quantity(metric)} {number}"


def column(metric: str) -> str:
    """The column of a table of runs that holds a metric."""
    return metric.removeprefix("model.")


def setting(value: Any) -> str:
    """A value of a setting, as a question writes it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{float(f'{value:.3g}'):g}"
    return str(value)


def assignments(settings: Mapping[str, Scalar], names: Mapping[str, str] | None = None) -> str:
    """`train.optimizer.lr = 0.01, position = rope`, by other names where there are some."""
    known = names or {}
    return ", ".join(f"{known.get(n, n)} = {setting(v)}" for n, v in settings.items())


def short_names(paths: Iterable[str]) -> dict[str, str]:
    """The last parts of each path, as few as tell it from the others."""
    parts = {path: path.split(".") for path in paths}
    found: dict[str, str] = {}
    for path, mine in parts.items():
        others = [other for name, other in parts.items() if name != path]
        kept = next(
            (
                n
                for n in range(1, len(mine) + 1)
                if all(other[-n:] != mine[-n:] for other in others)
            ),
            len(mine),
        )
        found[path] = ".".join(mine[-kept:])
    return found


def listed(words: Iterable[str]) -> str:
    """`a, b and c`."""
    *first, last = list(words) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def natural(name: str) -> list[tuple[int, str]]:
    """Sorts names so that numbers in them count as such: `gap=2-4` before `gap=16`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in NUMBER.split(name)]


def share(part: float) -> str:
    return f"{100 * part:.0f} %" if part >= 0.01 or part == 0 else "less than 1 %"


def measure(question: SweepConfig) -> str:
    """Which way is better, and in what it is measured."""
    if question.confirm and question.confirm.metric and question.comparisons:
        metric = question.endpoint
        return f"Lower is better. Variants are judged by the {quantity(metric)}, in {unit(metric)}."
    (first, *others), metric = question.objectives, question.tuning_metric
    if not others and first.sign > 0 and metric in ("val/loss", "val/bpb"):
        return f"Lower loss is better. Loss is measured in {unit(metric)}."
    named = [
        f"{'lower' if objective.sign > 0 else 'higher'} {quantity(objective.metric)}"
        + (f" ({unit(objective.metric)})" if unit(objective.metric) else "")
        for objective in question.objectives
    ]
    text = listed(named)
    return f"{text[:1].upper()}{text[1:]} {'is' if len(named) == 1 else 'are'} better."


def is_confirmed_otherwise(question: SweepConfig) -> bool:
    """Whether a search goes by something else than its confirmation, and nobody asked for that."""
    if not question.is_search or question.confirm is None or question.confirm.metric is not None:
        return False
    return question.tuning_metric.removeprefix("val/") != question.endpoint.partition("/")[2]


def change(share: float) -> str:
    """`+1.2 %`, `−7.4 %`, or `the same`."""
    return "the same" if share == 0 else f"{100 * share:+.1f} %".replace("-", "−")


def _kind(metric: str) -> str:
    """`loss` of `test/loss@256`."""
    return metric.rsplit("/", 1)[-1].partition("@")[0]
