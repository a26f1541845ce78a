"""What is measured, a file a section: each yields its rows, one at a time.

A section imports what it measures when it is measured, and names the libraries of its peers.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple, assert_never, get_args

if TYPE_CHECKING:
    from lab.bench.measuring import Bench
    from lab.bench.record import Row

Name = Literal[
    "matmul", "attention", "block", "forward", "step", "compile", "evaluation", "generation",
    "tokenizer", "start-up", "supervisor", "report", "cohort", "large",
]  # fmt: skip
SECTIONS: tuple[Name, ...] = get_args(Name)


class Section(NamedTuple):
    """`peers` are libraries that it is measured beside, where they are installed."""

    title: str
    rows: "Callable[[Bench], Iterator[Row]]"
    peers: tuple[str, ...] = ()


def section(name: Name) -> Section:
    """Of that name."""
    match name:
        case "matmul":
            from lab.bench.sections import matmul

            return Section("matrix products", matmul.rows)
        case "attention":
            from lab.bench.sections import attention

            return Section("attention, forward and backward", attention.rows, ("transformers",))
        case "block":
            from lab.bench.sections import block

            return Section("a block, forward and backward", block.rows, ("transformers",))
        case "forward":
            from lab.bench.sections import forward

            return Section("a model's forward pass", forward.rows, ("transformers",))
        case "step":
            from lab.bench.sections import step

            return Section("a training step", step.rows, ("transformers",))
        case "compile":
            from lab.bench.sections import compiled

            return Section("a compiled training step", compiled.rows)
        case "evaluation":
            from lab.bench.sections import evaluation

            return Section("evaluation of a split", evaluation.rows, ("transformers",))
        case "generation":
            from lab.bench.sections import generation

            return Section("greedy generation", generation.rows, ("transformers",))
        case "tokenizer":
            from lab.bench.sections import tokenizer

            return Section("text to token ids", tokenizer.rows, ("tiktoken",))
        case "start-up":
            from lab.bench.sections import start_up

            return Section("start-up of a process", start_up.rows, ("transformers",))
        case "supervisor":
            from lab.bench.sections import supervisor

            return Section("the supervisor's own processor time", supervisor.rows)
        case "report":
            from lab.bench.sections import report

            return Section("the report of a sweep, in a process of its own", report.rows)
        case "cohort":
            from lab.bench.sections import cohort

            return Section("a step of a cohort, a member", cohort.rows)
        case "large":
            from lab.bench.sections import large

            return Section("a large run on a GPU", large.rows)
        case unreachable:
            assert_never(unreachable)
