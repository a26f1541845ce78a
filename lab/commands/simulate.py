"""`lab sweep` with `launcher.kind=simulated`: what a sweep would take, without a run of it.

Design choices:
- it lives in a folder of its own, `experiments/<name>-simulated`, which says in `simulated.json`
  what it is: neither a true sweep nor a report takes such a folder;
- the plan, its rounds and its rules are the true ones, so adaptive questions go on as they would;
  what made-up numbers would answer is not told;
- one that is over is begun anew, with whatever workers; one that was stopped goes on;
- nothing is measured, certified, packaged, tracked or drawn, and nothing synced: all of it can be
  made again by the same command.
"""

import csv
import logging
import resource
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from lab.commands.asked import ARTIFACTS, EXPERIMENTS, Asked
from lab.commands.executing import decided
from lab.commands.sweep import counting
from lab.config.execution import ALONE
from lab.config.launcher import Simulated
from lab.config.objective import value_of
from lab.config.sweep import SweepConfig
from lab.endings import INTERRUPTED
from lab.errors import SweepError
from lab.files import not_synced, replacing, write_json
from lab.log import start_logs
from lab.provenance.command import command
from lab.run_folder import SIMULATED, read_state
from lab.sweep.allowance import Allowance
from lab.sweep.folder import SweepFolder
from lab.sweep.keeper import Keeper
from lab.sweep.launchers.simulated import SimulatedLauncher
from lab.sweep.launchers.simulated_orders import SimulatedOrders
from lab.sweep.progress import Display
from lab.sweep.registration import registration
from lab.sweep.supervisor import Supervisor

FIRST = ("run", "variant", "phase", "trial", "seed", "status", "step", "seconds")


def simulate(
    asked: Asked,
    *,
    workers: int | None,
    keep: bool,
    rerun: bool,
    allowance: Allowance,
    quiet: int = 0,
) -> int:
    """Simulate the sweep, or go on with that; returns the exit code."""
    began, config = time.perf_counter(), asked.question.launcher
    assert isinstance(config, Simulated)
    console = Console(stderr=True, highlight=False, emoji=False)
    folder = SweepFolder(EXPERIMENTS / f"{asked.name}-simulated")
    executed = decided(asked) or ALONE
    content = registration(
        asked.plan, name=folder.name, vocab_sizes=asked.vocab_sizes, executed=executed
    )
    launcher = SimulatedLauncher(config, workers=workers)
    folder.path.mkdir(parents=True, exist_ok=True)
    with not_synced(), folder.held(), start_logs(folder.path), _only_trouble():
        _claim(folder)
        keeper = Keeper(folder, content["hash"], optuna=False)
        supervisor = Supervisor(
            SimulatedOrders(
                plan=replace(asked.plan, asked=keeper.asked()),
                folder=folder,
                artifacts=ARTIFACTS / folder.name,
                data=dict.fromkeys(asked.data),
                device="cpu",
                executed=executed,
            ),
            launcher=launcher,
            display=Display(
                objective=asked.question.objectives[0],
                console=console if console.is_terminal and quiet <= 0 else Console(quiet=True),
            ),
            keep=keep,
            rerun=rerun,
            on_advance=keeper,
            allowance=counting(replace(allowance, clock=launcher.clock), asked, folder),
            clock=launcher.clock,
        )
        with supervisor.display:
            before = supervisor.adopt_finished()
            folder.register(content, asked.question)
            finished = supervisor.run()
        _write_table(supervisor)
        told = {"finished": finished, **_told(supervisor, launcher, before, began=began)}
        write_json(folder.path / SIMULATED, told)
    Console(highlight=False, emoji=False, soft_wrap=True, markup=False).print(
        _in_words(told, folder.path)
    )
    if finished:
        return 0
    then = f"the same command continues: {command()}"
    console.print(f"stopped: {supervisor.allowance.why}; {then}", markup=False, soft_wrap=True)
    return INTERRUPTED


@contextmanager
def _only_trouble() -> Iterator[None]:
    """Of runs that nobody carries out, the log has what went wrong."""
    log = logging.getLogger("lab.sweep")
    before = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(before)


def _claim(folder: SweepFolder) -> None:
    """Say what the folder is before anything is written there, and clear what is over."""
    file = folder.path / SIMULATED
    if not file.exists() and folder.plan():
        raise SweepError(
            f"{folder.path} holds a true sweep, whose numbers are measured; move it away, or give "
            "the question's file another name"
        )
    if file.exists() and read_state(file).get("finished"):
        for path in (*folder.path.glob("*.json"), folder.path / "results.csv"):
            path.unlink(missing_ok=True)
        shutil.rmtree(folder.path / "runs", ignore_errors=True)
    if not file.exists():
        write_json(file, {"simulated": True})


def _write_table(supervisor: Supervisor) -> None:
    """`results.csv`: a row a run that has ended, in the order of the plan, one after the other."""
    question = supervisor.plan.question
    with replacing(supervisor.folder.path / "results.csv") as beside, beside.open("w") as file:
        csv.writer(file, lineterminator="\n").writerows(_rows(supervisor, question))


def _rows(supervisor: Supervisor, question: SweepConfig) -> Iterator[list[Any]]:
    settings = list(question.tune.space) if question.tune else []
    metrics = list(dict.fromkeys((question.tuning_metric, question.endpoint)))
    yield [*FIRST, *settings, *metrics]
    for run in supervisor.story.runs:
        result = supervisor.results.get(run.name)
        if result is not None:
            yield [
                *(run.name, run.variant, run.phase, run.trial, run.seed),
                *(result["status"], result["step"], result["timing"].get("total")),
                *(run.settings.get(name) for name in settings),
                *(value_of(metric, result) for metric in metrics),
            ]


def _told(
    supervisor: Supervisor, launcher: SimulatedLauncher, before: int, *, began: float
) -> dict[str, Any]:
    """The content of `simulated.json`: of this call, but for the statuses."""
    tally, seconds = launcher.tally, time.perf_counter() - began
    statuses = Counter(result["status"] for result in supervisor.results.values())
    ended = sum(statuses.values()) - statuses["running"] - before
    return {
        "simulated": True,
        "launcher": launcher.config.dump() | {"workers": launcher.slots},
        "taken_over": before,
        "runs": ended,
        "statuses": dict(statuses),
        "attempts": len(tally.begun),
        "failed_attempts": tally.n_failed,
        "seconds": launcher.now,
        "worker_hours": tally.hours,
        "busy_while_runs_remain": tally.busy,
        "busy": tally.busy_throughout,
        "real_seconds": seconds,
        "processor_seconds": time.process_time(),
        "real_ms_a_run": 1000 * seconds / max(1, ended),
        "peak_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def _in_words(told: dict[str, Any], folder: Path) -> str:
    given_up, taken = told["statuses"].get("failed", 0), told["taken_over"]
    before = f", beside {taken:,} of an earlier call" if taken else ""
    return f"""\
simulated: no run was trained, and every number below {folder} is made up
runs        {told["runs"]:,} ended{before}; {told["failed_attempts"]:,} of \
{told["attempts"]:,} attempts failed, {given_up:,} runs given up
time        {timedelta(seconds=round(told["seconds"]))} from begin to end with \
{told["launcher"]["workers"]:,} workers, {told["worker_hours"]:,.1f} worker-hours
workers     {told["busy_while_runs_remain"]:.1%} busy while runs remained, {told["busy"]:.1%} in all
supervisor  {told["real_ms_a_run"]:.2f} ms a run, {told["real_seconds"]:,.1f} s in all, \
{told["processor_seconds"]:,.1f} s of the processor, {told["peak_bytes"] / 2**30:.2f} GiB at most
results     {folder / "results.csv"}"""
