"""A benchmark that somebody waits for: a bar while it runs, a table after each section."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from lab.bench.record import Record, write_record
from lab.bench.sections import SECTIONS, Name
from lab.bench.shown import head, tables
from lab.config.explain import did_you_mean
from lab.errors import ConfigError


def measure_asked(
    only: Sequence[str], *, quick: bool, threads: int, out: Path | None = None
) -> None:
    """Measure sections by name, by default all; raises `ConfigError` for one that there is not.

    What was measured is in `out` after every section: whatever ends it, nothing is measured twice.
    """
    names = _names(only)
    from lab.bench.run import measure  # imports torch

    console = Console(highlight=False, emoji=False)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task("", total=len(names))
    watched = bar.console.is_terminal

    def begun(name: Name, what: str) -> None:
        bar.update(task, description=escape(f"{name}: {what}" if what else name))

    def ended(record: Record) -> None:
        if out is not None:
            write_record(out, record)
        bar.advance(task)
        bar.stop()
        console.print(tables(record.parts[-1], width=console.width))
        if watched:
            bar.start()

    with bar if watched else nullcontext():
        record = measure(names, quick=quick, threads=threads, begun=begun, ended=ended)
    console.print(head(record))
    if out is not None:
        console.print(str(out), markup=False, soft_wrap=True)


def _names(only: Sequence[str]) -> list[Name]:
    for name in only:
        if name not in get_args(Name):
            raise ConfigError(f"no section {name!r} of the benchmark{did_you_mean(name, SECTIONS)}")
    return [name for name in SECTIONS if not only or name in only]
