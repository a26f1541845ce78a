"""`lab bench`: how long what the lab does takes here, beside what a user would pick instead.

Without a word after it, it measures; `compare` and `table` read what was measured before.
"""

from pathlib import Path
from typing import Annotated

import typer

from lab.bench.sections import SECTIONS

app: typer.Typer = typer.Typer(
    help="Measure the lab beside its peers; compare two measurements.",
    invoke_without_command=True,
)
Measured = Annotated[Path, typer.Argument(metavar="FILE.json", help="What --out has written.")]


@app.callback()
def bench(
    context: typer.Context,
    full: Annotated[
        bool, typer.Option("--full/--quick", help="More shapes and rounds; or two minutes' worth.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"A section, repeatable: {', '.join(SECTIONS)}."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Keep what was measured.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads, ours and theirs.")] = 1,
) -> None:
    """Measure, and print a table a section."""
    if context.invoked_subcommand is not None:
        if full or only or out or threads != 1:
            raise typer.BadParameter(f"{context.invoked_subcommand} takes no option of measuring")
        return
    from lab.bench.measured import measure_asked

    measure_asked(only or [], quick=not full, threads=threads, out=out)


@app.command()
def compare(first: Measured, second: Measured) -> None:
    """Print what became faster or slower from the first measurement to the second."""
    from rich.console import Console

    from lab.bench.compare import comparison
    from lab.bench.record import read_record

    found = comparison(read_record(first), read_record(second))
    Console(highlight=False, emoji=False, markup=False).print(found)


@app.command()
def table(file: Measured) -> None:
    """Print the headlines of a measurement as a table in Markdown."""
    from lab.bench.markdown import markdown
    from lab.bench.record import read_record

    print(markdown(read_record(file)), end="")  # noqa: T201
