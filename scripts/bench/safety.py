"""What it costs that nothing can be lost: of a run's time, and of the supervisor's own.

    python scripts/bench/safety.py [--quick] [--only run|supervisor]

1. Of a run, at the default checkpoint interval: the share of its time that goes into rows, samples
   and logs, into checkpoints, into the package, and into all else that is kept. By the run's own
   clock, in wall time, so that waiting for the disk counts. On one thread, in two shapes.
2. Of the supervisor: milliseconds of its own processor time a finished run, over 1,000 runs by
   workers that only pretend, so that nothing but the supervisor works. What the pretending takes
   itself is taken out. A search by TPE is left out: what it takes is Optuna's.
3. Of the supervisor, too, but in proportion to other things than finished runs: a look at a run
   that goes on, and a worker process that is started and heard of.

It takes about two minutes where nothing else runs. `--quick` shows only that it still works.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import lab
from lab.bench.pretenders import BASE, PretendedJob, questions, supervised
from lab.config.digest import run_digest
from lab.config.loading import load_run
from lab.config.order import WorkOrder
from lab.config.sweep import SweepConfig
from lab.data.prepare import prepare
from lab.log import start_logs
from lab.provenance.facts import facts
from lab.run_folder import lay_order
from lab.sweep.apart import ask_apart
from lab.sweep.plan import Plan
from lab.sweep.progress import Display
from lab.sweep.supervisor import POLL_SECONDS
from lab.sweep.under_way import under_way
from lab.sweep.worker import PROGRESS, Progress

CONFIGS = Path(lab.__file__).parents[1] / "configs"
SHAPES = {
    "posenc": {},
    "four times as wide": {
        "model.d_model": 256,
        "train.steps": 300,  # fewer than anyone would train it: that makes the share larger
        "train.schedule.warmup_steps": 30,
    },
}
QUICK = {
    "data.corpus": {"kind": "file", "path": str(Path(__file__).resolve())},  # short, and there
    "train.steps": 20,
    "train.schedule.warmup_steps": 2,
    "model.d_model": 32,
}
COSTS = ("track", "checkpoint", "package")  # phases of a run's clock
LIMIT, LIMIT_MS = 0.03, 20.0
LOOKS, STARTS = 2000, 20


def of_a_run(changes: Mapping[str, Any], folder: Path) -> dict[str, float]:
    """Seconds of a run by what they went into, `total` with the rest."""
    from lab.run import execute  # imports torch

    config = load_run(CONFIGS / "posenc.yaml", variant="rope").replaced(
        {**changes, "tracking.wandb": {"mode": "disabled"}, "device": "cpu"}
    )
    data = prepare(config.data)
    order = WorkOrder(
        run="timed",
        digest=run_digest(config, corpus_digest=data.corpus_digest),
        config=config,
        labels={"sweep": "s", "variant": "rope", "phase": "run"},
        settings={},
        data=str(data.folder),
        package=str(folder / "package"),
        provenance={**facts(), "device": "cpu"},
    )
    lay_order(folder / "run", order)
    progress = Progress(folder / "run" / PROGRESS)  # as a worker tells how far it is
    with start_logs(folder / "run"):
        since = time.perf_counter()
        found = execute(order, folder=folder / "run", stop=progress.beat, on_row=progress)
        total = time.perf_counter() - since
    assert found is not None
    spent = found["timing"]
    known = sum(spent[phase] for phase in ("setup", "train", "eval", *COSTS))
    return {**{phase: spent[phase] for phase in COSTS}, "rest": total - known, "total": total}


def of_a_look(folder: Path) -> tuple[float, float]:
    """Processor seconds of a look at a run that goes on: with news, and with none."""
    plan = SweepConfig.parse({"question": "Which?", "base": BASE, **questions(100)["confirmation"]})
    variant = next(iter(plan.arms))
    run = Plan(plan, "c0" * 32, settled=lambda *_: set()).run(variant, "confirm", 1)
    display = Display(objective=plan.objectives[0], console=Console(file=StringIO()))
    folder = folder / run.name
    folder.mkdir()
    each = under_way([run], PretendedJob([folder]), timeout=1e9)
    row = {"step": 500, "tokens": 256_000, "train/loss": 2.1, "train/grad_norm": 0.4}
    spent = []
    for is_new in (True, False):
        seconds = 0.0
        for number in range(LOOKS):
            if is_new or not number:
                write_plain(folder / PROGRESS, {**row, "train/lr": number / LOOKS})
            since = time.process_time()
            each.look(0.5)
            display.running(run, each.parts[0].progress)
            seconds += time.process_time() - since
        spent.append(seconds / LOOKS)
    return spent[0], spent[1]


def write_plain(file: Path, content: Mapping[str, Any]) -> None:
    """As a worker writes it: beside, renamed, not synced."""
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps(content))
    beside.replace(file)


def of_a_start() -> float:
    """Processor seconds of this process for another that it starts and hears of, once all is up."""
    ask_apart(abs, -1)
    since = time.process_time()
    for _ in range(STARTS):
        ask_apart(abs, -1)
    return (time.process_time() - since) / STARTS


def _supervisor(console: Console, n: int) -> None:
    table = Table("sweep", "runs", "ms a run", f"below {LIMIT_MS:g} ms")
    for name, raw in questions(n).items():
        with tempfile.TemporaryDirectory() as temporary:
            ended, seconds = supervised(raw, Path(temporary, "many"))
        spent = seconds / ended * 1e3
        table.add_row(name, f"{ended:,}", f"{spent:.1f}", _yes(spent < LIMIT_MS))
    console.print("Of the supervisor, its own processor time a finished run:", table)
    with tempfile.TemporaryDirectory() as temporary:
        news, none = of_a_look(Path(temporary))
    looks = 1 / POLL_SECONDS
    console.print(
        f"Beside that it takes {of_a_start() * 1e3:.1f} ms to start a process and hear of its end,"
        f" and {looks:g} looks a second at each run under way, of {news * 1e3:.3f} ms with news and"
        f" {none * 1e3:.3f} ms without: {looks * news:.3%} of a core for each worker.\n"
    )


def _run(console: Console, *, quick: bool) -> None:
    parts = ("rows, samples, logs", "checkpoints", "package", "all else kept", "together")
    table = Table("run", "steps", "s", *parts, f"below {LIMIT:.0%}")
    for name, changes in SHAPES.items():
        changes = {**changes, **QUICK} if quick else changes
        with tempfile.TemporaryDirectory() as temporary:
            spent = of_a_run(changes, Path(temporary))
        total = spent.pop("total")
        share = sum(spent.values()) / total
        shares = [f"{seconds / total:.2%}" for seconds in spent.values()]
        steps = str(changes.get("train.steps", 1000))
        table.add_row(name, steps, f"{total:.1f}", *shares, f"{share:.2%}", _yes(share < LIMIT))
    console.print("Of a run, shares of its wall time by its own clock:", table)


def _yes(holds: bool) -> str:
    return "yes" if holds else "NO"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a hundred runs; twenty steps")
    parser.add_argument("--only", choices=("run", "supervisor"))
    given = parser.parse_args()
    console = Console(width=120)
    if given.only != "run":  # first: what it takes is not to depend on torch
        _supervisor(console, 100 if given.quick else 1000)
    if given.only != "supervisor":
        _run(console, quick=given.quick)


if __name__ == "__main__":
    main()
