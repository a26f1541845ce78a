"""What it costs that nothing can be lost: of a run's time, and of the supervisor's own.

    python scripts/bench_safety.py [--quick] [--only run|supervisor]

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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.table import Table

import lab
from lab.config.digest import run_digest
from lab.config.loading import load_run
from lab.config.order import WorkOrder
from lab.config.sweep import SweepConfig
from lab.data.prepare import prepare
from lab.files import read_json, write_json
from lab.log import start_logs
from lab.provenance.facts import facts
from lab.report.judging.verdicts import settled_arms
from lab.report.records import frame
from lab.result import result
from lab.run_folder import lay_order
from lab.sweep.folder import SweepFolder
from lab.sweep.keeper import Keeper
from lab.sweep.launcher import ask_apart
from lab.sweep.orders import Orders
from lab.sweep.plan import Plan, PlannedRun, Result
from lab.sweep.progress import Display
from lab.sweep.registration import registration
from lab.sweep.suggest import suggest
from lab.sweep.supervisor import POLL_SECONDS, Supervisor
from lab.sweep.under_way import UnderWay
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
VOCAB = 65
BASE: dict[str, Any] = {
    "data": {"corpus": {"kind": "python-docs"}, "tokenizer": {"kind": "char"}},
    "model": {"n_layers": 2, "n_heads": 4, "d_model": 64, "max_seq_len": 64},
    "train": {"steps": 1000, "batch_size": 8, "optimizer": {"kind": "adamw", "lr": 3e-3}},
    "tracking": {"wandb": {"mode": "disabled"}},
}
SPAN = {"low": 1e-4, "high": 1e-1, "log": True}
POSITIONS = [{"kind": kind} for kind in ("learned", "sinusoidal", "rope", "alibi", "none")]
NORMS = [{"kind": kind} for kind in ("layernorm", "rmsnorm")]


def questions(n: int) -> dict[str, dict[str, Any]]:
    """Questions of `n` runs, n being a multiple of 100."""
    variants = {
        f"{position['kind']}-{norm['kind']}": {"model.position": position, "model.norm": norm}
        for position in POSITIONS
        for norm in NORMS
    }
    most = n // len(variants)
    compared = {"variants": variants, "baseline": "learned-layernorm"}
    space = {"train.optimizer.lr": SPAN, "train.optimizer.weight_decay": {"low": 0.0, "high": 0.5}}
    return {
        "confirmation": {
            **compared, "confirm": {"test": "fixed", "max_seeds": most, "twin": False}
        },
        "confirmation, a seed at a time": {
            **compared, "confirm": {"max_seeds": most, "twin": False}
        },
        "search, quasi-random": {
            "tune": {"sampler": {"kind": "quasi-random"}, "trials": n, "space": space}
        },
    }  # fmt: skip


@dataclass(eq=False)
class PretendedJob:
    folders: Sequence[Path]
    alive: bool = True

    def is_alive(self) -> bool:
        return self.alive

    def stop(self) -> None:
        self.alive = False

    def kill(self) -> None:
        self.alive = False


@dataclass
class Pretenders:
    """Workers whose every run ends at once; `seconds` of the processor are what they took."""

    slots: int = 2
    seconds: float = 0.0
    n_ended: int = 0

    def start(self, folders: Sequence[Path]) -> PretendedJob:
        return PretendedJob(folders)

    def wait(self, jobs: Sequence[Any], *, timeout: float) -> None:
        since = time.process_time()
        for job in jobs:
            if job.alive:
                self._end(job.folders[0])
                job.alive = False
        self.seconds += time.process_time() - since

    def _end(self, folder: Path) -> None:
        order = WorkOrder.parse(read_json(folder / "order.json"))
        loss = 2.0 + Random(order.run).gauss(0, 0.01)
        steps = order.config.train.steps
        curve = {str(step): _row("val", loss) for step in range(0, steps + 1, steps // 10)}
        metrics = _row("val", loss) | (_row("test", loss) if order.judge == "test" else {})
        weights = {f"blocks.{n}.attention.{m}_proj": [64, 64] for n in (0, 1) for m in "qkvo"}
        found = result(
            order, "complete", step=steps, metrics=metrics, initial=_row("val", 4.0),
            evaluations=curve, model={"n_params": 105_000, "vocab_size": VOCAB, "weights": weights},
            data={}, timing={"total": 10.0, "train": 9.0}, provenance=order.provenance,
        )  # fmt: skip
        write_json(folder / "result.json", found)
        self.n_ended += 1


def _row(split: str, loss: float) -> dict[str, float]:
    return {f"{split}/loss": loss, f"{split}/perplexity": 7.4, f"{split}/bpb": 2.9}


def supervised(raw: Mapping[str, Any], folder: Path) -> tuple[int, float]:
    """A sweep by pretenders to its end: finished runs, and the supervisor's seconds."""
    question = SweepConfig.parse({"question": "Which?", "base": BASE, **raw})

    def settled(runs: Sequence[PlannedRun], results: Mapping[str, Result]) -> set[str]:
        pairs = (
            ({"run": run.name, "labels": run.labels, "settings": run.settings}, results[run.name])
            for run in runs
        )
        return settled_arms(question, frame(question, pairs))

    sizes = dict.fromkeys(question.arms, VOCAB)
    plan = Plan(question, "c0" * 32, settled=settled, vocab_sizes=sizes, suggest=suggest)
    facts()  # once a command
    since, sweep, pretenders = time.process_time(), SweepFolder(folder), Pretenders()
    told = registration(plan, name=folder.name, threads=1, vocab_sizes=sizes)
    folder.mkdir(parents=True)
    kept = Keeper(sweep, told["hash"])
    asked, data = replace(plan, asked=kept.asked()), dict.fromkeys(question.arms)
    supervisor = Supervisor(
        Orders(asked, sweep, folder / "artifacts", data, threads=1, device="cpu"),
        launcher=pretenders,
        display=Display(objective=question.objectives[0], console=Console(file=StringIO())),
        on_advance=kept,
    )
    supervisor.adopt_finished()
    sweep.register(told, question)
    assert supervisor.run()
    assert kept.trouble is None, kept.trouble
    return pretenders.n_ended, time.process_time() - since - pretenders.seconds


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
    each = UnderWay(run, PretendedJob([folder]), timeout=1e9, log_begins=0, killed_before=0)
    row = {"step": 500, "tokens": 256_000, "train/loss": 2.1, "train/grad_norm": 0.4}
    spent = []
    for is_new in (True, False):
        seconds = 0.0
        for number in range(LOOKS):
            if is_new or not number:
                write_plain(folder / PROGRESS, {**row, "train/lr": number / LOOKS})
            since = time.process_time()
            each.look(0.5)
            display.running(run, each.progress)
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
