"""What it costs that nothing can be lost: of a run's time, and of the supervisor's own.

    python scripts/bench_safety.py [--quick] [--only run|supervisor]

1. Of a run, at the default checkpoint interval: the share of its time that results, checkpoints,
   package and logging take by the run's own clock; and the time it takes beside that of the same
   steps and evaluations in a bare loop, each the least of some. On one thread, two shapes.
2. Of the supervisor: milliseconds of its own processor time a finished run, over 1,000 runs by
   workers that only pretend, so that nothing but the supervisor works. What the pretending takes
   itself is taken out. A search by TPE is told apart: what it takes is Optuna's.
"""

import argparse
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
from lab.config.run import RunConfig
from lab.config.sweep import SweepConfig
from lab.data.prepare import prepare
from lab.files import read_json, write_json
from lab.provenance import facts
from lab.report.judging.verdicts import settled_arms
from lab.report.records import frame
from lab.result import result
from lab.sweep.folder import SweepFolder
from lab.sweep.keeper import Keeper
from lab.sweep.plan import Plan, PlannedRun, Result
from lab.sweep.progress import Display
from lab.sweep.registration import registration
from lab.sweep.suggest import suggest
from lab.sweep.supervisor import Supervisor

CONFIGS = Path(lab.__file__).parents[1] / "configs"
SHAPES = {
    "posenc": {},
    "four times as wide": {
        "model.d_model": 256,
        "train.steps": 200,
        "train.schedule.warmup_steps": 20,
    },
}
QUICK = {"train.steps": 100, "train.schedule.warmup_steps": 10}
SAFE = ("track", "checkpoint", "package")  # phases of a run's clock
ROUNDS = 3
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
    rates = [1e-4 * 1.01**k for k in range(n // 10)]
    decays = [k / 10 for k in range(10)]
    space = {"train.optimizer.lr": SPAN, "train.optimizer.weight_decay": {"low": 0.0, "high": 0.5}}
    grid = {"train.optimizer.lr": rates, "train.optimizer.weight_decay": decays}
    return {
        "confirmation": {
            **compared, "confirm": {"test": "fixed", "max_seeds": most, "twin": False}
        },
        "confirmation, a seed at a time": {
            **compared, "confirm": {"max_seeds": most, "twin": False}
        },
        "search, grid": {"tune": {"sampler": {"kind": "grid"}, "space": grid}},
        "search, quasi-random": {
            "tune": {"sampler": {"kind": "quasi-random"}, "trials": n, "space": space}
        },
        "search, tpe": {"tune": {"sampler": {"kind": "tpe"}, "trials": n, "space": space}},
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
    supervisor = Supervisor(
        plan=replace(plan, asked=kept.asked()),
        folder=sweep,
        artifacts=folder / "artifacts",
        data=dict.fromkeys(question.arms),
        threads=1,
        device="cpu",
        launcher=pretenders,
        display=Display(objective=question.objectives[0], console=Console(file=StringIO())),
        on_advance=kept,
    )
    supervisor.adopt_finished()
    sweep.register(told, question)
    assert supervisor.run()
    assert kept.trouble is None, kept.trouble
    return pretenders.n_ended, time.process_time() - since - pretenders.seconds


def of_a_run(changes: Mapping[str, Any], folder: Path, *, rounds: int) -> tuple[float, float]:
    """The share by the run's clock, and the seconds of a run over those of a bare loop."""
    from lab.run import execute  # imports torch

    config = load_run(CONFIGS / "posenc.yaml", variant="rope").replaced(
        {**changes, "tracking.wandb": {"mode": "disabled"}, "device": "cpu"}
    )
    data = prepare(config.data)
    shares, whole, bare = [], [], []
    for number in range(rounds):
        home = folder / str(number)
        order = WorkOrder(
            run="timed",
            digest=run_digest(config, corpus_digest=data.corpus_digest),
            config=config,
            labels={"sweep": "s", "variant": "rope", "phase": "run"},
            settings={},
            data=str(data.folder),
            package=str(home / "package"),
            provenance=facts(),
        )
        since = time.perf_counter()
        found = execute(order, folder=home / "run")
        seconds = time.perf_counter() - since
        assert found is not None
        spent = found["timing"]
        beyond = seconds - spent["total"]  # result.json, and tidying up
        shares.append((sum(spent[phase] for phase in SAFE) + beyond) / seconds)
        whole.append(seconds - spent["setup"])
        bare.append(_bare(order, config))
    return min(shares), min(whole) / min(bare)


def _bare(order: WorkOrder, config: RunConfig) -> float:
    """Seconds of the same steps and evaluations, with nothing kept of them."""
    from lab.parts import Parts
    from lab.track.null import NullTracker
    from lab.train.clock import Clock
    from lab.train.loop import train

    run = Parts(order, Path(), Clock())
    since = time.perf_counter()
    train(
        run.state,
        run.batches,
        config.train,
        seed=config.seed,
        tokens_per_step=config.tokens_per_step,
        tracker=NullTracker(),
        clock=Clock(),
    )
    return time.perf_counter() - since


def _supervisor(console: Console, n: int) -> None:
    table = Table("sweep", "runs", "ms of the supervisor a run")
    for name, raw in questions(n).items():
        with tempfile.TemporaryDirectory() as temporary:
            ended, seconds = supervised(raw, Path(temporary, "many"))
        table.add_row(name, f"{ended:,}", f"{seconds / ended * 1e3:.1f}")
    console.print(table)


def _run(console: Console, *, rounds: int, quick: bool) -> None:
    table = Table("run", "steps", "results, checkpoints and logging", "time / bare loop's")
    for name, changes in SHAPES.items():
        changes = {**changes, **QUICK} if quick else changes
        with tempfile.TemporaryDirectory() as temporary:
            share, ratio = of_a_run(changes, Path(temporary), rounds=rounds)
        steps = str(changes.get("train.steps", "as shipped"))
        table.add_row(name, steps, f"{share:.1%}", f"{ratio:.3f}")
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a hundred runs; a hundred steps, once"
    )
    parser.add_argument("--only", choices=("run", "supervisor"))
    given = parser.parse_args()
    console = Console(width=100)
    if given.only != "run":  # first: what it takes is not to depend on torch
        _supervisor(console, 100 if given.quick else 1000)
    if given.only != "supervisor":
        _run(console, rounds=1 if given.quick else ROUNDS, quick=given.quick)


if __name__ == "__main__":
    main()
