"""`lab sweep`: from a question's file to its report."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lab.config.loading import find, load_sweep
from lab.config.sweep import SweepConfig
from lab.data.store import TokenizedData, prepare
from lab.errors import ConfigError
from lab.provenance import facts
from lab.report.collect import open_sweep
from lab.report.page import write_report
from lab.report.records import frame
from lab.report.verdicts import judge
from lab.sweep import study
from lab.sweep.estimate import Estimate, estimate, remember, remember_results
from lab.sweep.folder import SweepFolder
from lab.sweep.launcher import LocalLauncher, ask_apart, count_gpus, seconds_a_token
from lab.sweep.plan import Plan, PlannedRun, Result, registration, rule
from lab.sweep.progress import Display
from lab.sweep.supervisor import Supervisor
from lab.track.gather import gather_wandb
from lab.track.wandb_mode import check_mode

EXPERIMENTS, ARTIFACTS = Path("experiments"), Path("artifacts")
THREADS = 1  # a run on a CPU: two one-thread runs beat one of two threads
console = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Asked:
    """A question whose every part has been found to be usable; nothing is written yet."""

    name: str
    question: SweepConfig
    data: Mapping[str, TokenizedData]

    @cached_property
    def plan(self) -> Plan:
        corpus_digest = next(iter(self.data.values())).corpus_digest
        return Plan(self.question, corpus_digest, settled=self._settled)

    @property
    def vocab_sizes(self) -> dict[str, int]:
        return {name: data.tokenizer.vocab_size for name, data in self.data.items()}

    def _settled(self, runs: Sequence[PlannedRun], results: Mapping[str, Result]) -> set[str]:
        table: pd.DataFrame = frame(
            self.question,
            [
                (
                    {"run": run.name, "labels": run.labels, "settings": run.settings},
                    results[run.name],
                )
                for run in runs
            ],
        )
        return {v.variant for v in judge(self.question, table) if v.settled}


def ask(config: str, *, overrides: Sequence[str]) -> Asked:
    """Load, validate and prepare a question; raises `LabError` before anything is written."""
    question = load_sweep(config, overrides=overrides)
    check_mode(question.base.tracking.wandb)
    data: dict[str, TokenizedData] = {}
    for name in question.variants:
        run = question.variant(name)
        data[name] = prepare(run.data)
        data[name].require(run.model.max_seq_len)
        data[name].tokenizer.encode_prompt(run.tracking.samples.prompt)  # or a sentence why not
    return Asked(find(config).stem, question, data)


def dry_run(asked: Asked, *, workers: int | None, measure: bool) -> None:
    """Print the plan and what it costs."""
    n = workers or _cores()
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
    for path in (folder.path, ARTIFACTS / asked.name):
        path.mkdir(parents=True, exist_ok=True)
    device = "cuda" if gpus else _device(asked)
    launcher = LocalLauncher(workers=workers or _cores(), devices=range(gpus))
    plan_content = registration(
        asked.plan, name=asked.name, threads=THREADS, vocab_sizes=asked.vocab_sizes
    )
    with folder.held(), Display(metric=asked.question.tuning_metric, console=console) as display:
        supervisor = Supervisor(
            plan=asked.plan,
            folder=folder,
            artifacts=ARTIFACTS / asked.name,
            data={name: data.folder for name, data in asked.data.items()},
            threads=THREADS,
            device=device,
            launcher=launcher,
            display=display,
        )
        done = supervisor.adopt_finished(keep=keep, rerun=rerun)
        changed = folder.register(plan_content, asked.question)
        display.say(f"[bold]{escape(asked.question.question)}[/bold]")
        if changed:
            display.say(escape(f"the question has changed since its last plan: {changed}"))
        if done:
            display.say(f"{done} finished runs are taken over from {folder.path}")
        finished = supervisor.run()
        _record_study(supervisor, plan_hash=plan_content["hash"])
    if not finished:
        console.print(f"stopped; the same command continues: {facts()['command']}", markup=False)
        return 130
    if asked.question.packages == "best":
        _keep_best(asked, supervisor.results)
    page = write_report(folder.path)
    with suppress(OSError):  # conveniences: the answer does not depend on them
        gather_wandb(sorted((folder.path / "runs").iterdir()), into=folder.path / "wandb")
        remember_results(asked.plan, supervisor.results.values(), device=device, threads=THREADS)
    _print_answer(folder.path, page, asked.name)
    failed = [name for name, r in supervisor.results.items() if r["status"] == "failed"]
    for name in failed:
        error = f"{folder.run(name)}: {supervisor.results[name]['error']}"
        console.print(f"[red]failed:[/red] {escape(error)}", soft_wrap=True)
    return 1 if failed else 0


def _record_study(supervisor: Supervisor, *, plan_hash: str) -> None:
    """Tell Optuna's tools; the answer does not depend on them."""
    question, folder = supervisor.plan.question, supervisor.folder
    if question.tune is None:
        return
    try:
        study.record(
            folder.study,
            question,
            name=folder.name,
            plan_hash=plan_hash,
            runs=[run for batch in supervisor.rounds for run in batch],
            results=supervisor.results,
        )
    except Exception as error:
        console.print(f"the Optuna study could not be written: {error}", markup=False)


def _keep_best(asked: Asked, results: Mapping[str, Result]) -> None:
    """Delete all packages of this sweep but that of the run with the least loss."""
    metric = asked.question.endpoint if asked.question.confirm else asked.question.tuning_metric
    packaged = [name for name, result in results.items() if result["package"]]
    ranked = sorted(packaged, key=lambda name: results[name]["metrics"][metric])
    for name in ranked[1:]:
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
    for verdict in sweep.verdicts():
        out.print(f"• {verdict.sentence}")
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
    wanted = {asked.question.variant(name).device for name in asked.question.variants}
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
