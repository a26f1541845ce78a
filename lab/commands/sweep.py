"""`lab sweep`: from a question's file to its report."""

import os
import shutil
import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lab.certify.many import certify_models
from lab.commands.asked import ARTIFACTS, EXPERIMENTS, THREADS, Asked
from lab.commands.report_run import share_report
from lab.config.objective import value_of
from lab.errors import ConfigError
from lab.provenance import facts
from lab.report.collect import open_sweep
from lab.report.judging.wording import plural
from lab.report.page import write_report
from lab.report.tables.matched import made_equal, planned
from lab.sweep.certificates import candidates, certify_first
from lab.sweep.estimate import Estimate, estimate, remember, remember_results
from lab.sweep.folder import SweepFolder
from lab.sweep.keeper import Keeper
from lab.sweep.launcher import LocalLauncher, ask_apart, count_gpus, seconds_a_token
from lab.sweep.progress import Display
from lab.sweep.registration import registration
from lab.sweep.rule import rule
from lab.sweep.supervisor import Supervisor
from lab.sweep.trials import best
from lab.track.gather import gather_wandb

console = Console(stderr=True, highlight=False)


def dry_run(asked: Asked, *, workers: int | None, measure: bool) -> None:
    """Print the plan and what it costs."""
    n, tune = workers or _cores(), asked.question.tune
    if tune and (tune.constraints or tune.enqueued or not tune.is_numeric):
        asked.plan.rounds({})  # or a sentence why nothing can be tried
    if measure:
        _gpus(asked)
        _measure(asked)
    cost = estimate(
        asked.plan, vocab_sizes=asked.vocab_sizes, device=_device(asked), threads=THREADS, workers=n
    )
    _print_estimate(asked, cost, workers=n)


def run(asked: Asked, *, workers: int | None, keep: bool, rerun: bool) -> int:
    """Run or continue the sweep; returns the exit code."""
    folder = SweepFolder(EXPERIMENTS / asked.name)
    gpus = _gpus(asked)
    device = "cuda" if gpus else _device(asked)
    launcher = LocalLauncher(workers=workers or _cores(), devices=range(gpus))
    plan_content = registration(
        asked.plan, name=asked.name, threads=THREADS, vocab_sizes=asked.vocab_sizes
    )
    for path in (folder.path, ARTIFACTS / asked.name):
        path.mkdir(parents=True, exist_ok=True)
    kept = Keeper(folder, plan_content["hash"])
    with folder.held(), Display(objective=asked.question.objectives[0], console=console) as display:
        supervisor = Supervisor(
            plan=replace(asked.plan, asked=kept.asked()),
            folder=folder,
            artifacts=ARTIFACTS / asked.name,
            data={name: data.folder for name, data in asked.data.items()},
            threads=THREADS,
            device=device,
            launcher=launcher,
            display=display,
            keep=keep,
            rerun=rerun,
            on_advance=kept,
        )
        done = supervisor.adopt_finished()
        changed = folder.register(plan_content, asked.question)
        display.say(f"[bold]{escape(asked.question.question)}[/bold]")
        if changed:
            display.say(escape(f"the question has changed since its last plan: {changed}"))
        if done:
            display.say(f"{done} finished runs are taken over from {folder.path}")
        for note in asked.warm.notes:
            display.say(escape(note))
        wanted = candidates(asked.question, vocab_sizes=asked.vocab_sizes)
        certify_first(folder, wanted, certify=partial(ask_apart, certify_models))
        display.say(f"certified: {plural(len(wanted), 'model')}")
        finished = supervisor.run()
    if kept.trouble:
        console.print(f"the Optuna study could not be written: {kept.trouble}", markup=False)
    if not finished:
        console.print(f"stopped; the same command continues: {facts()['command']}", markup=False)
        return 130
    if asked.question.packages == "best":
        _keep_best(asked, supervisor)
    page = write_report(folder.path)
    with suppress(OSError):  # conveniences: the answer does not depend on them
        gather_wandb(sorted((folder.path / "runs").iterdir()), into=folder.path / "wandb")
        remember_results(supervisor.results.values(), device=device, threads=THREADS)
    _print_answer(folder.path, page, asked.name)
    if trouble := share_report(folder.path, artifacts=ARTIFACTS / asked.name):
        console.print(f"wandb failed and has no report of this sweep: {trouble}", markup=False)
    failed = [name for name, r in supervisor.results.items() if r["status"] == "failed"]
    for name in failed:
        error = f"{folder.run(name)}: {supervisor.results[name]['error']}"
        console.print(f"[red]failed:[/red] {escape(error)}", soft_wrap=True)
    return 1 if failed else 0


def _keep_best(asked: Asked, supervisor: Supervisor) -> None:
    """Delete all packages of this sweep but the best: of the confirmed, else of the trials."""
    question, results = asked.question, supervisor.results
    packaged = [name for name, result in results.items() if result["package"]]
    candidates, metric, sign = set(packaged), question.tuning_metric, question.objectives[0].sign
    if question.confirm:
        runs = (run for run in supervisor.story.runs if run.variant in question.arms)
        candidates = {run.name for run in runs if run.phase == "confirm"}
        metric, sign = question.endpoint, 1
    elif question.tune:
        found = best(supervisor.story.trials, sign=sign)
        candidates = set(found.runs if found else ())

    def value(name: str) -> float:
        found = value_of(metric, results[name]) if name in candidates else None
        return float("inf") if found is None else sign * found

    surplus = [run.run for run in open_sweep(supervisor.folder.path).surplus()]
    for name in [*sorted(packaged, key=value)[1:], *surplus]:
        shutil.rmtree(ARTIFACTS / asked.name / name, ignore_errors=True)


def _measure(asked: Asked) -> None:
    """Time a few steps of each variant and remember them for this machine."""
    for name, data in asked.data.items():
        config = asked.question.variant(name)
        remember(
            device=_device(asked),
            threads=THREADS,
            flops_per_token=config.model.flops_per_token(data.tokenizer.vocab_size),
            tokens_per_step=config.tokens_per_step,
            seconds=ask_apart(seconds_a_token, config, data.folder, THREADS),
        )


def _print_answer(folder: Path, page: Path, name: str) -> None:
    out = Console(highlight=False, soft_wrap=True, markup=False)
    out.print()
    sweep = open_sweep(folder)
    for sentence in sweep.answers():
        out.print(f"• {sentence}")
    out.print(f"\nreport    {page}\nruns      {folder / 'results.csv'}")
    packages = sorted((ARTIFACTS / name).glob("*/manifest.json"))
    if packages:
        out.print(f"packages  {len(packages)} in {ARTIFACTS / name}")


def _print_estimate(asked: Asked, cost: Estimate, *, workers: int) -> None:
    out = Console(highlight=False)
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
            _size(row.package_bytes),
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
    out.print(f"FLOPs     {_span(cost.flops, lambda x: f'{x:.2e}')}")
    out.print(f"packages  {_span(cost.package_bytes, _size)} in {ARTIFACTS / asked.name}")
    out.print(f"files     {_span(cost.folder_bytes, _size)} in {EXPERIMENTS / asked.name}")
    if cost.seconds is None:
        out.print("minutes   not known on this machine; --measure times a few real steps")
    else:
        out.print(f"minutes   {_span(cost.seconds, lambda s: f'{s / 60:.1f}')}, start-up apart")


def _span(pair: tuple[float, float], show: object) -> str:
    low, high = (show(x) for x in pair)  # type: ignore[operator]
    return low if low == high else f"{low} to {high}"


def _size(n_bytes: float) -> str:
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes < 1e9 else f"{n_bytes / 1e9:.1f} GB"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpus(asked: Asked) -> int:
    wanted = {asked.question.variant(name).device for name in asked.question.arms}
    if wanted == {"cpu"}:
        return 0
    found = int(ask_apart(count_gpus))
    if "mps" in wanted and sys.platform != "darwin":
        raise ConfigError("device: mps, but this machine is no Mac; try auto or cpu")
    if "cuda" in wanted and not found:
        raise ConfigError("device: cuda, but this machine has no CUDA device; try auto or cpu")
    return found


def _device(asked: Asked) -> str:
    wanted = asked.question.base.device
    if wanted == "auto":
        return "mps" if sys.platform == "darwin" else "cpu"
    return wanted
