"""The command lines: parse, call, print.

`lab COMMAND ...` and `python -m lab.COMMAND ...` are the same thing. Every command imports what it
needs when it is called, so that `--help` answers at once.

Exit codes: 0 done; 1 some run failed; 2 bad input; 130 interrupted, to be continued by the same
command.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from lab.errors import LabError

app = typer.Typer(
    name="lab",
    help="Ask which language-model variant is better at your scale, and get a verdict.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Override a value, such as train.steps=100."),
]
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code; a `LabError` is a sentence and a 2."""
    try:
        code = app(
            list(sys.argv[1:] if arguments is None else arguments),
            prog_name="lab",
            standalone_mode=False,
        )
    except LabError as error:
        return _refused(str(error))
    except typer.Exit as finish:
        return finish.exit_code
    except (KeyboardInterrupt, typer.Abort):
        _say("stopped; the same command continues")
        return INTERRUPTED
    except (PermissionError, FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        return _refused(f"{error.filename}: {error.strerror}; work where files may be written")
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        sys.stderr.close()
        return 0
    except Exception as error:
        if hasattr(error, "format_message") and hasattr(error, "exit_code"):
            return _refused(error.format_message())
        raise
    return int(code or 0)


def entry() -> None:
    """The `lab` console script."""
    sys.exit(main())


@app.command()
def sweep(
    config: Annotated[str, typer.Argument(help="A question: a path, or a name in configs/.")],
    workers: Annotated[
        int | None, typer.Option(min=1, help="Runs at a time; by default one a core or a GPU.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and its cost; write nothing.")
    ] = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="Time a few real steps to estimate minutes.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Use results that other code or libraries made.")
    ] = False,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Set such results aside and train again.")
    ] = False,
    sets: Set = None,
) -> int:
    """Train and compare the variants of a question; the same command continues it."""
    from lab.commands import sweep as command
    from lab.commands.asked import ask

    if keep and rerun:
        raise typer.BadParameter("--keep and --rerun exclude each other")
    asked = ask(config, overrides=sets or [])
    if dry_run or measure:
        command.dry_run(asked, workers=workers, measure=measure)
        return 0
    return command.run(asked, workers=workers, keep=keep, rerun=rerun)


@app.command()
def train(
    config: Annotated[str, typer.Argument(help="A run, or a question: then its base.")],
    variant: Annotated[
        str | None, typer.Option(help="With a question: the variant to train.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads; part of what a run is.")] = 1,
    sets: Set = None,
) -> int:
    """Train one model with a progress bar, and package it; the same command continues it."""
    from lab.commands.train import train_one

    return train_one(config, variant=variant, overrides=sets or [], threads=threads)


@app.command()
def sample(
    package: Annotated[Path, typer.Argument(help="A package: a folder below artifacts/.")],
    prompt: Annotated[str, typer.Option(help="The text to continue.")],
    max_new_tokens: Annotated[int, typer.Option(min=1)] = 200,
    temperature: Annotated[float, typer.Option(min=0, help="0 is greedy.")] = 0.8,
    top_k: Annotated[int | None, typer.Option(help="Draw from the K likeliest tokens.")] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Draw from the likeliest tokens of joint probability P.")
    ] = None,
    min_p: Annotated[
        float | None, typer.Option(help="Drop tokens below P times the likeliest one's share.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same text.")] = 0,
) -> None:
    """Continue a text with a packaged model."""
    from lab.sample import sample as run

    run(
        package,
        prompt=prompt,
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        seed=seed,
        stream_to=sys.stdout,
    )


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A sweep's folder below experiments/.")],
) -> None:
    """Make the report of a sweep again from its files."""
    from lab.report.collect import open_sweep
    from lab.report.page import write_report

    page = write_report(folder)
    for sentence in open_sweep(folder).answers():
        print(sentence)  # noqa: T201
    print(page)  # noqa: T201


@app.command()
def doctor() -> None:
    """Print what a bug report needs: versions, devices, threads, wandb state, free space."""
    from lab.doctor import examine

    Console().print(examine())


def _refused(sentence: str) -> int:
    _say(sentence)
    return 2


def _say(sentence: str) -> None:
    Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(sentence)
