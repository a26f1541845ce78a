"""The supervisor alone: sweeps whose workers only pretend, so that nothing but it works.

What the pretending takes itself is taken out. A search by TPE is left out: what it takes is
Optuna's.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console

from lab.config.order import WorkOrder
from lab.config.sweep import SweepConfig
from lab.files import read_json, write_json
from lab.provenance.facts import facts
from lab.report.judging.verdicts import settled_arms
from lab.report.records import frame
from lab.result import result
from lab.sweep.folder import SweepFolder
from lab.sweep.keeper import Keeper
from lab.sweep.launchers.protocol import Job
from lab.sweep.orders import Orders
from lab.sweep.plan import Plan, PlannedRun, Result
from lab.sweep.progress import Display
from lab.sweep.registration import registration
from lab.sweep.suggest import suggest
from lab.sweep.supervisor import Supervisor

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
    waits = False
    lost = None

    def is_alive(self) -> bool:
        return self.alive

    @property
    def exit_code(self) -> int | None:
        return None if self.alive else 0

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
    outlives = False

    def found(self) -> Sequence[PretendedJob]:
        return ()

    def gathers(self, seconds: float | None) -> int:
        return 1

    def start(self, folders: Sequence[Path]) -> PretendedJob:
        return PretendedJob(folders)

    def wait(self, jobs: Sequence[Job], *, timeout: float) -> None:
        since = time.process_time()
        for job in jobs:
            if job.is_alive():
                for folder in job.folders:
                    self._end(folder)
                job.kill()
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
    told = registration(plan, name=folder.name, vocab_sizes=sizes)
    folder.mkdir(parents=True)
    kept = Keeper(sweep, told["hash"])
    asked, data = replace(plan, asked=kept.asked()), dict.fromkeys(question.arms)
    supervisor = Supervisor(
        Orders(asked, sweep, folder / "artifacts", data, device="cpu"),
        launcher=pretenders,
        display=Display(objective=question.objectives[0], console=Console(file=StringIO())),
        on_advance=kept,
    )
    supervisor.adopt_finished()
    sweep.register(told, question)
    assert supervisor.run()
    assert kept.trouble is None, kept.trouble
    return pretenders.n_ended, time.process_time() - since - pretenders.seconds
