"""What a confirmation may be judged by, and which variants have an answer there.

`loss@256` is the loss on windows of 256 tokens, one of `evaluate.lengths`. A model whose positions
end before has no answer at that length: it is not compared there, and cannot be the reference.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from pydantic import ValidationError

from lab.config.explain import did_you_mean
from lab.config.run import RunConfig
from lab.config.space import Choices, Range, Scalar

if TYPE_CHECKING:
    from lab.config.sweep import SweepConfig


def length_of(metric: str) -> int | None:
    """The length in tokens that a metric such as `test/loss@256` names."""
    _, at, length = metric.partition("@")
    return int(length) if at and length.isdecimal() else None


def metric_fault(metric: str, run: RunConfig, *, several_tokenizers: bool) -> str | None:
    """What is wrong with `confirm.metric`, in a sentence without its path's beginning."""
    where, is_task = f"confirm.metric: {metric!r}", run.data.is_task
    lengths = [f"loss@{length}" for length in run.evaluate.lengths]
    known = ["loss", "excess" if is_task else "bpb", *lengths]
    if metric in known:
        if several_tokenizers and metric != "bpb":
            return f"{where} cannot be compared between tokenizers, whose tokens differ; take 'bpb'"
        return None
    if metric == "excess":
        return f"{where} is known of tasks alone, whose best possible loss is; take 'loss' or 'bpb'"
    if metric == "bpb":
        return f"{where} is of text alone, for a task's symbols are no bytes; take 'loss'"
    if metric.startswith("loss@") and length_of(metric) is not None:
        found = list(run.evaluate.lengths)
        return (
            f"{where} is judged at none of the lengths in base.evaluate.lengths={found}; "
            f"add {length_of(metric)} to them, or take 'loss'"
        )
    return f"{where} is no metric of a confirmation{did_you_mean(metric, known)}"


def endpoint_faults(sweep: "SweepConfig") -> list[str]:
    """What is wrong with judging these variants by this metric, a line each."""
    if (length := sweep.judged_length) is None:
        return []
    assert sweep.confirm is not None
    where = f"confirm.metric: {sweep.confirm.metric!r}"
    for name in (arm for arm in sweep.references.values() if not sweep.answers(arm)):
        longest = sweep.variant(name).model.longest
        return [
            f"{where} has no answer from the baseline {name!r}, whose positions end at {longest} "
            "tokens; take another baseline, or judge at a length that it has"
        ]
    if sweep.comparisons and not sweep.judged:
        return [
            f"{where} has an answer from the baseline {sweep.reference!r} alone; judge at a length "
            "that other variants have"
        ]
    return [
        f"tune.space.{setting}: decides whether {name!r} has an answer at {length} tokens, by "
        f"which confirm.metric judges; fix it, or judge by 'loss'"
        for name in sweep.arms
        for setting, entry in (sweep.tune.space if sweep.tune else {}).items()
        if any(
            (end is None or length <= end) != sweep.answers(name)
            for end in _ends(sweep.variant(name), setting, entry)
        )
    ]


def _ends(run: RunConfig, setting: str, entry: Range | Choices) -> Iterable[int | None]:
    """Where positions end under each choice, or at both ends of a range."""
    values: list[Scalar] = (
        [entry.value(entry.low), entry.value(entry.high)]
        if isinstance(entry, Range)
        else list(entry.keys)
    )
    for value in values:
        with suppress(ValidationError):  # valid only beside other settings
            yield run.replaced(entry.changes(setting, value)).model.longest
