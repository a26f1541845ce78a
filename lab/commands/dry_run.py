"""`lab sweep --dry-run`: the plan, what it costs, and whether there is room for it."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lab.commands.asked import ARTIFACTS, EXPERIMENTS, Asked
from lab.commands.devices import device_of, n_gpus
from lab.commands.executing import decided, measured, to_be_measured
from lab.commands.launching import at_a_time, device_there, place
from lab.config.execution import ALONE, Executed
from lab.config.launcher import Local, Ray, Slurm, runs_of_a_job
from lab.errors import ConfigError
from lab.report.tables.matched import made_equal, planned
from lab.sweep.apart import ask_apart, seconds_a_token
from lab.sweep.demand import demand
from lab.sweep.estimate import Estimate, estimate, remember
from lab.sweep.rule import rule
from lab.sweep.space_needed import megabytes, rooms, short_of_room
from lab.sweep.timing import seconds_in_cohort


def dry_run(asked: Asked, *, workers: int | None, measure: bool) -> None:
    """Print the plan and what it costs."""
    tune, executed = asked.question.tune, decided(asked)
    if tune and (tune.constraints or tune.enqueued or not tune.is_numeric):
        asked.plan.rounds({})  # or a sentence why nothing can be tried
    if measure:
        if asked.question.launcher.kind != "local":
            raise ConfigError(
                f"--measure times steps on this machine, and launcher.kind="
                f"{asked.question.launcher.kind} trains on others; leave it out"
            )
        gpus = n_gpus(asked)
        executed = executed or measured(asked, device="cuda" if gpus else device_of(asked))
        _measure(asked, executed)
    launcher = asked.question.launcher
    device = device_of(asked) if isinstance(launcher, Local) else device_there(asked)[0]
    n = at_a_time(asked, executed or ALONE, workers=workers)
    cost = estimate(
        asked.plan,
        vocab_sizes=asked.vocab_sizes,
        device=place(asked, device),
        workers=n,
        executed=executed or ALONE,
    )
    how = executed.in_words(workers=n) if executed else to_be_measured(asked.question)
    _print_estimate(asked, cost, workers=n, how=how)
    if isinstance(launcher, Slurm | Ray):
        _print_demand(asked, cost, launcher, jobs=n, threads=(executed or ALONE).threads)


def _measure(asked: Asked, executed: Executed) -> None:
    """Time a few steps of each variant and remember them for this machine."""
    for name, data in asked.data.items():
        config = asked.question.variant(name)
        if executed.kind == "cohort":
            how: tuple[Any, ...] = (seconds_in_cohort, config, data.folder, executed.members)
        else:
            how = (seconds_a_token, config, data.folder)
        remember(
            device=device_of(asked),
            flops_per_token=config.model.flops_per_token(data.tokenizer.vocab_size),
            tokens_per_step=config.tokens_per_step,
            seconds=ask_apart(*how, executed.threads),
            executed=executed,
        )


def _print_estimate(asked: Asked, cost: Estimate, *, workers: int, how: str) -> None:
    out = Console(highlight=False, emoji=False)
    out.print(f"[bold]{escape(asked.question.question)}[/bold]\n{rule(asked.question)}\n")
    table = Table(
        "variant", "parameters", "FLOPs a token", "FLOPs a run", "package", "seconds a run"
    )
    for row in cost.costs:
        seconds = "not known" if row.seconds is None else f"{row.seconds:.0f}"
        table.add_row(
            row.variant,
            f"{row.n_params:,}",
            f"{row.flops_per_token:,}",
            f"{row.flops:.2e}",
            megabytes(row.package_bytes),
            seconds,
        )
    out.print(table)
    for line in (planned(asked.question, asked.vocab_sizes), made_equal(asked.question)):
        if line:
            out.print(escape(line), soft_wrap=True)
    tune = asked.question.tune
    if tune and any(not name.startswith("train.optimizer") for name in tune.space):
        out.print("the search changes what a run costs; shown is what it costs before any change")
    out.print(f"runs      {_span(cost.runs, str)}, {workers} at a time")
    out.print(f"execution {escape(how)}", soft_wrap=True)
    out.print(f"FLOPs     {_span(cost.flops, lambda x: f'{x:.2e}')}")
    out.print(f"packages  {_span(cost.package_bytes, megabytes)} in {ARTIFACTS / asked.name}")
    out.print(f"files     {_span(cost.space.files, megabytes)} in {EXPERIMENTS / asked.name}")
    out.print(f"states    {megabytes(cost.space.checkpoints)} there while runs are under way")
    if cost.seconds is None:
        out.print("minutes   not known on this machine; --measure times a few real steps")
    else:
        out.print(f"minutes   {_span(cost.seconds, lambda s: f'{s / 60:.1f}')}, start-up apart")
    found = rooms(cost.space, files=EXPERIMENTS / asked.name, packages=ARTIFACTS / asked.name)
    for room in found:
        line = f"up to {megabytes(room.needed)} more needed, {megabytes(room.free)} free"
        out.print(f"space     {line} for {room.place}", soft_wrap=True)
    for sentence in short_of_room(found):
        out.print(f"[red]{escape(sentence)}[/red]", soft_wrap=True)


def _print_demand(
    asked: Asked, cost: Estimate, launcher: Slurm | Ray, *, jobs: int, threads: int
) -> None:
    """What a cluster is asked for."""
    gathered = 1
    if isinstance(launcher, Slurm):
        longest = max((each.seconds or 0 for each in cost.costs), default=0)
        gathered = runs_of_a_job(launcher, longest or None)
    found = demand(asked.plan, cost, launcher, threads=threads, jobs=jobs, gathered=gathered)
    out = Console(highlight=False, emoji=False)
    hours = "of cores and GPUs are known once a first run has ended there"
    if found.core_hours and found.gpu_hours:
        hours = (
            f"{_span(found.gpu_hours, _hours)} of GPUs, {_span(found.core_hours, _hours)} of cores"
        )
    chain = f"{_span(found.chain, str)} runs in turn"
    if found.chain_seconds:
        chain += f", {_span(found.chain_seconds, lambda s: _hours(s / 3600))} hours"
    out.print(f"cluster   {launcher.kind}: {_span(found.jobs, str)} jobs, {jobs} at a time at most")
    out.print(f"hours     {hours}", soft_wrap=True)
    out.print(f"chain     {chain}, with {jobs} jobs at a time", soft_wrap=True)


def _hours(hours: float) -> str:
    return f"{hours:.2g}" if hours < 10 else f"{hours:,.0f}"


def _span(pair: tuple[float, float], show: object) -> str:
    low, high = (show(x) for x in pair)  # type: ignore[operator]
    return low if low == high else f"{low} to {high}"
