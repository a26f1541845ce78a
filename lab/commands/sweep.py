"""`lab sweep`: from a question's file to its report."""

import logging
import shutil
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from lab.certify.many import certify_models
from lab.commands.asked import ARTIFACTS, EXPERIMENTS, Asked
from lab.commands.launching import (
    device_there,
    execution_there,
    launcher_of,
    place,
    require_launcher,
    several,
)
from lab.commands.report_run import share_report
from lab.config.objective import value_of
from lab.endings import INTERRUPTED
from lab.errors import PackageError, SweepError
from lab.log import start_logs
from lab.package.verify import verify
from lab.provenance.command import command
from lab.report.collect import open_sweep
from lab.report.judging.wording import plural
from lab.report.page import write_report
from lab.run_folder import SIMULATED
from lab.sweep.allowance import Allowance, step_of
from lab.sweep.apart import ask_apart
from lab.sweep.certificates import candidates, certify_first
from lab.sweep.changes import exploratory, kept, question_changed, set_aside
from lab.sweep.estimate import remember_results
from lab.sweep.events import note
from lab.sweep.folder import SweepFolder
from lab.sweep.keeper import Keeper
from lab.sweep.orders import Orders
from lab.sweep.plan import PlannedRun
from lab.sweep.progress import Display
from lab.sweep.registration import registration
from lab.sweep.server import import_meanwhile
from lab.sweep.space_needed import rooms, short_of_room, space_needed
from lab.sweep.supervisor import Supervisor
from lab.sweep.trials import best
from lab.track.gather import gather_wandb
from lab.track.trouble import tracking_trouble

# Events that the display shows by itself.
TOLD = ("begun", "continued", "taken over", "ended", "given up", "question changed")
console = Console(stderr=True, highlight=False, emoji=False)
log = logging.getLogger(__name__)


def run(
    asked: Asked,
    *,
    workers: int | None,
    keep: bool,
    rerun: bool,
    allowance: Allowance,
    quiet: int = 0,
) -> int:
    """Run or continue the sweep; returns the exit code."""
    folder, artifacts = SweepFolder(EXPERIMENTS / asked.name), ARTIFACTS / asked.name
    import_meanwhile(asked.question.tune)
    device, gpus = device_there(asked)
    require_launcher(asked)
    screen = Console(quiet=True, force_terminal=False) if quiet > 0 else console
    executed = execution_there(asked, device=device, say=screen.print)
    content = registration(
        asked.plan, name=asked.name, vocab_sizes=asked.vocab_sizes, executed=executed
    )
    _refuse_simulated(folder)
    for path in (folder.path, artifacts):
        path.mkdir(parents=True, exist_ok=True)
    told = TOLD if screen is console else ()
    with folder.held(), start_logs(folder.path, quiet=quiet, console=console, told=told):
        keeper = Keeper(folder, content["hash"])
        orders = Orders(
            plan=replace(asked.plan, asked=keeper.asked()),
            folder=folder,
            artifacts=artifacts,
            data={name: data.folder for name, data in asked.data.items()},
            device=device,
            executed=executed,
            several=several(asked),
        )
        supervisor = Supervisor(
            orders,
            launcher=launcher_of(asked, folder, executed, workers=workers, gpus=gpus),
            display=Display(objective=asked.question.objectives[0], console=screen),
            keep=keep,
            rerun=rerun,
            on_advance=keeper,
            allowance=counting(allowance, asked, folder),
        )
        with supervisor.display:
            _begin(asked, supervisor, content)
            finished = supervisor.run()
        if keeper.trouble:
            log.warning("the Optuna study could not be written: %s", keeper.trouble)
        return _end(asked, supervisor) if finished else _stopped(supervisor)


def _refuse_simulated(folder: SweepFolder) -> None:
    if (folder.path / SIMULATED).exists():
        raise SweepError(
            f"{folder.path} is of a simulated sweep, whose numbers are made up; move it away, or "
            "give the question's file another name"
        )


def counting(allowance: Allowance, asked: Asked, folder: SweepFolder) -> Allowance:
    """The allowance, with what runs take."""

    def flops_a_step(run: PlannedRun) -> float:
        arm = asked.question.twins.get(run.variant, run.variant)
        per_token = run.config.model.flops_per_token(asked.vocab_sizes[arm])
        return float(run.config.tokens_per_step * per_token)

    allowance.flops_a_step = flops_a_step
    allowance.stands = lambda run: step_of(folder.run(run.name))
    return allowance


def _begin(asked: Asked, supervisor: Supervisor, content: dict[str, Any]) -> None:
    """Take over what there is, register the plan, and prove the models to be what they say."""
    folder, display = supervisor.folder, supervisor.display
    done = supervisor.adopt_finished()
    before = folder.register(content, asked.question)
    display.say(f"[bold]{escape(asked.question.question)}[/bold]")
    if changed := before.get("changed"):
        told = question_changed(changed, done=done, known=len(supervisor.story.runs))
        note("question changed", told, changed=changed)
        display.say(escape(told))
    if before.get("exploratory"):
        log.warning("%s", exploratory(len(before["confirmed"]), plan=bool(before["plan"])))
    if done:
        runs = "1 finished run is" if done == 1 else f"{done} finished runs are"
        display.say(f"{runs} taken over from {folder.path}")
    _tell_foreign(supervisor)
    for line in asked.warm.notes:
        display.say(escape(line))
    executed, slots = supervisor.orders.executed, supervisor.launcher.slots
    display.say(escape(executed.in_words(workers=slots)))
    space = space_needed(
        asked.plan, vocab_sizes=asked.vocab_sizes, workers=slots * executed.members
    )
    for sentence in short_of_room(
        rooms(space, files=folder.path, packages=supervisor.orders.artifacts)
    ):
        log.warning("%s", sentence)
    wanted = candidates(asked.question, vocab_sizes=asked.vocab_sizes)
    certify_first(folder, wanted, certify=partial(ask_apart, certify_models))
    display.say(f"certified: {plural(len(wanted), 'model')}")


def _tell_foreign(supervisor: Supervisor) -> None:
    """Of the runs of other code or of another machine, what became of them."""
    foreign = supervisor.there.foreign
    if not foreign:
        return
    changed = {name: values for each in foreign.values() for name, values in each.items()}
    if supervisor.keep:
        log.warning("%s", kept(len(foreign), changed))
    else:
        folder = str(supervisor.folder.path / "set-aside")
        supervisor.display.say(set_aside(len(foreign), changed, folder=folder))


def _stopped(supervisor: Supervisor) -> int:
    """Say why, and how to go on."""
    allowance = supervisor.allowance
    why = f": {allowance.why}" if supervisor.is_spent else ""
    then = f"the same command continues: {command()}"
    if supervisor.is_spent and allowance.is_untouched:
        then = "that is too little to begin a run, so give more"
    console.print(f"stopped{why}; {then}", markup=False, soft_wrap=True)
    return INTERRUPTED


def _end(asked: Asked, supervisor: Supervisor) -> int:
    """Report; returns the exit code."""
    folder, orders = supervisor.folder, supervisor.orders
    if asked.question.packages == "best":
        _keep_best(asked, supervisor)
    _clear_packages(ARTIFACTS / asked.name)
    page = write_report(folder.path)
    runs = sorted((folder.path / "runs").glob("*"))
    with suppress(OSError):  # conveniences: the answer does not depend on them
        gather_wandb(runs, into=folder.path / "wandb")
    with suppress(OSError):
        remember_results(
            supervisor.results.values(),
            device=place(asked, orders.device),
            executed=orders.executed,
        )
    _print_answer(folder.path, page, asked.name)
    _tell_damaged(ARTIFACTS / asked.name, folder)
    if trouble := tracking_trouble(runs):
        log.warning("%s", trouble)
    if trouble := share_report(folder.path, artifacts=ARTIFACTS / asked.name):
        log.warning("wandb failed and has no report of this sweep: %s", trouble)
    failed = [name for name, r in supervisor.results.items() if r["status"] == "failed"]
    for name in failed:
        error = f"{folder.run(name)}: {supervisor.results[name]['error']}"
        console.print(f"[red]failed:[/red] {escape(error)}", soft_wrap=True)
    return 1 if failed else 0


def _tell_damaged(packages: Path, folder: SweepFolder) -> None:
    """A package may have been changed since its run had its result."""
    for manifest in sorted(packages.glob("*/manifest.json")):
        package = manifest.parent
        try:
            verify(package)
        except PackageError as error:
            run = folder.run(package.name)
            log.warning("%s (to train it anew, move it and %s away)", error, run)


def _clear_packages(folder: Path) -> None:
    """Remove what killed runs left of packages, under hidden names; no run is under way now."""
    for pattern in (".*.partial", ".*.aside"):
        for left in folder.glob(pattern):
            shutil.rmtree(left, ignore_errors=True)


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


def _print_answer(folder: Path, page: Path, name: str) -> None:
    out = Console(highlight=False, emoji=False, soft_wrap=True, markup=False)
    out.print()
    sweep = open_sweep(folder)
    for sentence in sweep.answers():
        out.print(f"• {sentence}")
    out.print(f"\nreport    {page}\nruns      {folder / 'results.csv'}")
    packages = sorted((ARTIFACTS / name).glob("*/manifest.json"))
    if packages:
        out.print(f"packages  {len(packages)} in {ARTIFACTS / name}")
