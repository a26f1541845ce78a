"""A finished sweep that nobody ran: its folder as the lab leaves one, its results made up.

Ten variants, positions by norms, each tuned over some rates and confirmed with some seeds, and the
reference's twin; through the lab's own plan and told as the lab tells them. Curves have 31 rows.
"""

import csv
import io
import itertools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lab.config.order import WorkOrder
from lab.config.sweep import SweepConfig
from lab.config.yaml12 import dump_yaml
from lab.files import write_json
from lab.provenance.facts import facts
from lab.result import result
from lab.sweep.folder import SweepFolder
from lab.sweep.plan import Plan, PlannedRun
from lab.sweep.record import schedule_content, trials_content
from lab.sweep.registration import registration
from lab.sweep.story import Story

VOCAB = 359
EVERY = 20  # steps between evaluations of 600
POSITIONS = ("learned", "sinusoidal", "rope", "alibi", "none")
NORMS = ("layernorm", "rmsnorm")


def question(*, trials: int, seeds: int) -> SweepConfig:
    """Positions and norms: ten variants."""
    variants = {
        f"{position}-{norm}": {"model.position": {"kind": position}, "model.norm": {"kind": norm}}
        for position, norm in itertools.product(POSITIONS, NORMS)
    }
    span = {"low": 1e-3, "high": 3.2e-2, "log": True}
    return SweepConfig.parse(
        {
            "question": f"Which of {len(variants)} variants is best?",
            "base": {
                "data": {"corpus": {"kind": "python-docs"}, "tokenizer": {"kind": "char"}},
                "model": {"n_layers": 2, "n_heads": 4, "d_model": 64, "max_seq_len": 64},
                "train": {
                    "steps": 600,
                    "batch_size": 16,
                    "optimizer": {"kind": "adamw", "lr": 3e-3},
                    "eval_every": EVERY,
                    "log_every": EVERY,
                },
            },
            "baseline": "learned-layernorm",
            "variants": variants,
            "tune": {"trials": trials, "space": {"train.optimizer.lr": span}},
            "confirm": {"min_seeds": seeds, "max_seeds": seeds, "margin": 0.01},
        }
    )


def made_up(folder: Path, *, trials: int, seeds: int) -> int:
    """The folder of a finished sweep; returns how many runs it has."""
    asked = question(trials=trials, seeds=seeds)
    sizes = dict.fromkeys(asked.arms, VOCAB)
    plan = Plan(asked, "c0" * 32, settled=lambda runs, results: set(), vocab_sizes=sizes)
    sweep, provenance = SweepFolder(folder), facts()
    results: dict[str, dict[str, Any]] = {}
    folder.mkdir(parents=True)
    told = registration(plan, name=folder.name, vocab_sizes=sizes)
    sweep.register(told, asked)
    story = Story(plan, results)
    story.advance()
    while not story.is_over:
        for run in story.rounds[-1]:
            results[run.name] = _write_run(sweep.run(run.name), run, provenance)
        story.advance()
    write_json(folder / "schedule.json", schedule_content(story, plan_hash=told["hash"]))
    importance = {arm: {"train.optimizer.lr": 1.0} for arm in asked.arms}
    tried = trials_content(story, plan_hash=told["hash"], importance=importance)
    write_json(folder / "trials.json", tried)
    return len(results)


def _write_run(folder: Path, run: PlannedRun, provenance: Mapping[str, Any]) -> dict[str, Any]:
    order = WorkOrder(
        run=run.name,
        digest=run.digest,
        config=run.config,
        labels={"sweep": "many", **run.labels},
        settings=run.settings,
        judge="test" if run.phase == "confirm" else "val",
        package=run.name,
        provenance=dict(provenance),
    )
    rng = np.random.default_rng([run.seed, *run.name.encode()])
    rate, steps = run.config.train.optimizer.lr, run.config.train.steps
    arm = run.variant.removesuffix("-twin")
    best = 2.0 + 0.01 * (sum(map(ord, arm)) % 17) + float(rng.normal(0, 0.01))
    final = best + 0.05 * math.log2(rate / 6e-3) ** 2
    losses = {
        step: final + 3.5 * math.exp(-9 * step / steps) for step in range(0, steps + 1, EVERY)
    }
    lost = run.phase == "tune" and rate > 3e-2
    splits = ("val",) if order.judge == "val" else ("val", "test")
    found = result(
        order,
        "diverged" if lost else "complete",
        step=steps,
        metrics={} if lost else {k: v for s in splits for k, v in _metrics(s, final).items()},
        initial=_metrics("val", losses[0]),
        evaluations={str(step): _metrics("val", loss) for step, loss in losses.items()},
        model={
            "n_params": run.config.model.n_params(VOCAB),
            "n_params_embedding": run.config.model.n_params_embedding(VOCAB),
            "flops_per_token": run.config.model.flops_per_token(VOCAB),
            "vocab_size": VOCAB,
            "weights": {f"blocks.{n}.attention.{m}": [64, 64] for n in (0, 1) for m in "qkvo"},
        },
        data=DATA,
        timing={**TIMING, "tokens_per_second": 47_000.0, "peak_memory_bytes": 4.2e8},
        provenance=provenance,
        diverged_at=steps if lost else None,
    )
    folder.mkdir(parents=True)
    for name, content in {"order.json": order.dump(), "result.json": found}.items():
        (folder / name).write_text(json.dumps(content, indent=1))
    (folder / "config.yaml").write_text(dump_yaml(run.config.dump()))
    (folder / "metrics.csv").write_text(_curve(losses, run.config.tokens_per_step))
    return found


def _metrics(split: str, loss: float) -> dict[str, float]:
    return {
        f"{split}/loss": loss,
        f"{split}/perplexity": math.exp(loss),
        f"{split}/bpb": loss / math.log(2),
    }


def _curve(losses: Mapping[int, float], tokens_per_step: int) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["step", "tokens", "train/loss", "train/grad_norm", "train/lr", *_metrics("val", 1)]
    )
    for step, loss in losses.items():
        writer.writerow(
            [step, step * tokens_per_step, loss, 0.5, 1e-3, *_metrics("val", loss).values()]
        )
    return text.getvalue()


TIMING = {"total": 15.1, "setup": 0.1, "train": 12.8, "eval": 1.8, "track": 0.3, "package": 0.1}
DATA = {
    "kind": "text",
    "name": "python-docs",
    "vocab_size": VOCAB,
    "corpus_digest": "c0" * 32,
    "digest": "da" * 32,
    "stats": {
        split: {"documents": 9, "bytes": n, "chars": n, "tokens": n}
        for split, n in (("train", 332_347), ("val", 17_377), ("test", 16_918))
    },
}
