"""The command lines: parse, call, print.

`lab COMMAND ...` and `python -m lab.COMMAND ...` are the same thing. Every command imports what it
needs when it is called, so that `--help` answers at once.

Exit codes: 0 done; 1 some run failed; 2 bad input; 130 interrupted, also by a budget or a full
disk, to be continued by the same command.
"""

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from lab import tokenizer
from lab.commands import bench
from lab.endings import exit_code

app = typer.Typer(
    name="lab",
    help="Ask which language-model variant is better at your scale, and get a verdict.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(tokenizer.app, name="tokenizer")
app.add_typer(bench.app, name="bench")
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Override a value, such as train.steps=100."),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Show each event, as the log has it.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show only warnings, errors and the answer.")
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code; a `LabError` is a sentence and a 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a narrow terminal gets question marks
    words = list(sys.argv[1:] if arguments is None else arguments)
    return exit_code(lambda: _carried_out(words))


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
    max_time: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Stop at a checkpoint after 90s, 30m or 2h."),
    ] = None,
    max_runs: Annotated[
        int | None, typer.Option(min=1, help="Begin so many runs, and stop when they end.")
    ] = None,
    max_flops: Annotated[
        str | None,
        typer.Option(metavar="FLOPS", help="Begin no run that takes the sum above, say, 1e15."),
    ] = None,
    verbose: Verbose = False,
    quiet: Quiet = False,
    sets: Set = None,
) -> int:
    """Train and compare the variants of a question; the same command continues it."""
    if keep and rerun:
        raise typer.BadParameter("--keep and --rerun exclude each other")
    loudness = _quiet(quiet, verbose=verbose)
    if measure or not dry_run:
        from lab.sweep.server import begin_early

        begin_early()  # before what follows is imported, and beside it

    from lab.commands.asked import ask
    from lab.sweep.allowance import Allowance, flops, seconds

    allowance = Allowance(
        max_time=None if max_time is None else seconds(max_time),
        max_runs=max_runs,
        max_flops=None if max_flops is None else flops(max_flops),
    )
    asked = ask(config, overrides=sets or [])
    if dry_run or measure:
        from lab.commands.dry_run import dry_run as print_plan

        print_plan(asked, workers=workers, measure=measure)
        return 0
    if asked.question.launcher.kind == "simulated":
        from lab.commands.simulate import simulate

        return simulate(
            asked, workers=workers, keep=keep, rerun=rerun, allowance=allowance, quiet=loudness
        )
    from lab.commands.sweep import run

    return run(asked, workers=workers, keep=keep, rerun=rerun, allowance=allowance, quiet=loudness)


@app.command()
def train(
    config: Annotated[str, typer.Argument(help="A run, or a question: then its base.")],
    variant: Annotated[
        str | None, typer.Option(help="With a question: the variant to train.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads; part of what a run is.")] = 1,
    test: Annotated[
        bool, typer.Option("--test", help="Judge it on the test split, too, as confirmation does.")
    ] = False,
    sharded: Annotated[
        bool, typer.Option("--sharded", help="Under torchrun: share the model, too, by FSDP.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Go on with a run of other code, libraries or processes.")
    ] = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    sets: Set = None,
) -> int:
    """Train one model with a progress bar, and package it; the same command continues it."""
    from lab.commands.together import together
    from lab.commands.train import train_one

    loudness = _quiet(quiet, verbose=verbose)
    return together(
        lambda meeting: train_one(
            config,
            variant=variant,
            overrides=sets or [],
            threads=threads,
            judge="test" if test else "val",
            meeting=meeting,
            sharded=sharded,
            keep=keep,
            quiet=loudness,
        )
    )


@app.command()
def sample(
    package: Annotated[Path, typer.Argument(help="A package: a folder below artifacts/.")],
    prompts: Annotated[
        list[str] | None,
        typer.Argument(metavar="PROMPT", help="Texts to continue; - is standard input."),
    ] = None,
    more: Annotated[
        list[str] | None, typer.Option("--prompt", metavar="TEXT", help="Another text to continue.")
    ] = None,
    file: Annotated[
        str | None, typer.Option(help="A file with a prompt a line; - is standard input.")
    ] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1)] = 200,
    temperature: Annotated[
        float | None, typer.Option(min=0, help="0 is greedy.", show_default="0.8")
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="Draw from the K likeliest tokens.")] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Draw from the likeliest tokens of joint probability P.")
    ] = None,
    min_p: Annotated[
        float | None, typer.Option(help="Drop tokens below P times the likeliest one's share.")
    ] = None,
    repetition_penalty: Annotated[
        float | None, typer.Option(help="Above 1, tokens that were used become less likely.")
    ] = None,
    beams: Annotated[
        int | None, typer.Option(min=1, help="Draw nothing: search the likeliest text.")
    ] = None,
    length_penalty: Annotated[
        float | None,
        typer.Option(help="With --beams: above 0 favours longer texts.", show_default="1"),
    ] = None,
    stop: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="End before this text; repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same text.")] = 0,
    device: Annotated[str, typer.Option(help="Where to compute, such as cpu or cuda.")] = "cpu",
    dtype: Annotated[
        str, typer.Option(help="float32, float64, bfloat16, or int8 for small machines.")
    ] = "float32",
) -> None:
    """Continue texts with a packaged model: arguments, the lines of a file, or what a pipe says."""
    from lab.sample import prompts_asked
    from lab.sample import sample as run

    run(
        package,
        prompts=prompts_asked([*(prompts or []), *(more or [])], file=file, stdin=sys.stdin),
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        repetition_penalty=repetition_penalty,
        beams=beams,
        length_penalty=length_penalty,
        stop=stop or [],
        seed=seed,
        device=device,
        dtype=dtype,
        stream_to=sys.stdout,
    )


@app.command()
def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER...", help="A sweep's folder below experiments/; several are compared."
        ),
    ],
    to: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="With several: where the page is written.")
    ] = None,
    opened: Annotated[bool, typer.Option("--open", help="Show the page in the browser.")] = False,
) -> None:
    """Make the report of a sweep again from its files, or put several sweeps on one page."""
    from lab.commands.report import report as run

    run(folders, to=to, opened=opened)


@app.command()
def certify(
    config: Annotated[
        str, typer.Argument(help="A question, a run or a size: a path, or a name in configs/.")
    ],
    variant: Annotated[
        str | None, typer.Option(help="With a question: the one variant to certify.")
    ] = None,
    sets: Set = None,
) -> int:
    """Prove that the models of a config are what it says: causal, of the formulas they name."""
    from lab.commands.certify import certify_asked

    return certify_asked(config, variant=variant, overrides=sets or [])


@app.command()
def sizes(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SIZE", help="Names in configs/sizes/, or configs; by default all sizes."
        ),
    ] = None,
    vocab_size: Annotated[
        int | None, typer.Option(min=1, help="Count with this vocabulary, whatever the size's own.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Windows a step, and texts at a time.")] = 1,
    sets: Set = None,
) -> None:
    """Print parameters, FLOPs and memory of models of named sizes, or of your own configs."""
    from lab.sizes import sizes_asked

    asked = sizes_asked(names or [], vocab_size=vocab_size, batch=batch, overrides=sets or [])
    Console(highlight=False, emoji=False).print(asked)


@app.command()
def export(
    package: Annotated[Path, typer.Argument(help="A package: a folder below artifacts/.")],
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="A folder that is not there yet.")],
) -> None:
    """Write a packaged model as a folder that Hugging Face's transformers loads."""
    from lab.export import export as run

    print(run(package, to=to))  # noqa: T201


@app.command()
def adopt(
    folder: Annotated[
        Path, typer.Argument(help="A local folder of transformers that holds a GPT-2 or a Llama.")
    ],
    to: Annotated[Path, typer.Option(metavar="PACKAGE", help="The package to be written.")],
) -> None:
    """Make a package of a model that was trained elsewhere."""
    from lab.adopt import adopt as run

    print(run(folder, to=to))  # noqa: T201


@app.command()
def doctor() -> None:
    """Print what a bug report needs: versions, devices, threads, wandb state, free space."""
    from lab.doctor import examine

    Console(emoji=False).print(examine())


def _carried_out(words: list[str]) -> Any:
    """What the command returns. Called, `app` would end an interrupted one without a word."""
    command = typer.main.get_command(app)
    with command.make_context("lab", words) as context:
        return command.invoke(context)


def _quiet(quiet: bool, *, verbose: bool) -> int:
    if quiet and verbose:
        raise typer.BadParameter("--quiet and --verbose exclude each other")
    return quiet - verbose
