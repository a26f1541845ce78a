"""A finished model judged on windows of several lengths, those of training and others.

Design choices:
- every length reads the same tokens of a text, cut into other windows;
- a model that is not defined at a length has nothing there, neither a metric nor a row.
"""

from collections.abc import Callable, Iterable, Sequence

from torch import nn

from lab.batch import Batch
from lab.train.by_position import ByPosition
from lab.train.evaluation import Evaluate, evaluate

KEPT = ("loss", "accuracy", "excess")


def judge_lengths(
    model: nn.Module,
    windows_of: Callable[[int], Iterable[Batch]],
    lengths: Sequence[int],
    *,
    precision: str,
    evaluate: Evaluate = evaluate,
) -> tuple[dict[str, float], list[ByPosition]]:
    """Metrics such as `loss@128`, and the losses by position of each length."""
    metrics: dict[str, float] = {}
    found = [ByPosition(length) for length in lengths]
    for one in found:
        values = evaluate(model, windows_of(one.length), precision=precision, by_position=one)
        metrics |= {f"{name}@{one.length}": values[name] for name in KEPT if name in values}
    return metrics, found
