"""A sweep folder with a planted truth, written file by file as the lab lays it out."""

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from lab.config.digest import digest
from lab.config.model import ModelConfig
from lab.config.sweep import SweepConfig

INITIAL = 4.55
LR = "train.optimizer.lr"

Outcome = float | str  # a loss, or the status of a run without one


@dataclass(frozen=True)
class Truth:
    """What is planted. Losses are at each variant's own best rate; one octave costs `octave`."""

    loss: Mapping[str, float] = field(
        default_factory=lambda: {"learned": 2.130, "sinusoidal": 2.128, "rope": 1.896}
    )
    best_lr: Mapping[str, float] = field(
        default_factory=lambda: {"learned": 4e-3, "sinusoidal": 3.5e-3, "rope": 3e-3}
    )
    octave: float = 0.05
    seed_sd: float = 0.012  # shared by the variants of one seed
    run_sd: float = 0.006
    seeds: Mapping[str, int] = field(default_factory=dict)  # default: min_seeds
    lost: Mapping[tuple[str, str, int], str] = field(
        default_factory=dict
    )  # (phase, variant, index): diverged | failed | running | planned
    error: str = "RuntimeError: out of memory"
    rng: int = 0


def pair_of(
    labels: dict[str, str], seed: int, settings: Mapping[str, float], outcome: Outcome, metric: str
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    run = f"{labels['variant']}-{seed}-{digest([labels, settings])[:8]}"
    order = {"run": run, "digest": run, "labels": labels, "settings": dict(settings)}
    if outcome == "planned":
        return order, None
    if isinstance(outcome, str):
        return order, {"status": outcome, "seed": seed, "step": 7, "diverged_at": 7}
    result = {"status": "complete", "seed": seed, "step": 400, "metrics": {metric: outcome}}
    return order, {**result, "initial": {"val/loss": INITIAL}}


def build_sweep(folder: Path, question: SweepConfig, truth: Truth) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(question.dump(), sort_keys=False, allow_unicode=True)
    (folder / "sweep.yaml").write_text(text)
    plan: dict[str, Any] = {
        "schema": 1,
        "question": question.question,
        "sweep": folder.name,
        "rule": "Tuning at the same points. Confirmation with fresh seeds.",
        "variants": {name: model_of(question, name) for name in question.arms},
    }
    (folder / "plan.json").write_text(json.dumps({**plan, "hash": digest(plan)}))
    rng = np.random.default_rng(truth.rng)
    names = list(question.arms)
    chosen: dict[str, dict[str, float]] = {name: {} for name in names}
    if question.tune:
        for name in names:
            losses, rates = [], _rates(question, truth.best_lr.get(name, 4e-3))
            for trial, rate in enumerate(rates):
                loss = _loss(truth, name, rate) + rng.normal(0, truth.run_sd)
                status = truth.lost.get(("tune", name, trial), "complete")
                write_run(folder, question, truth, name, "tune", 0, trial, {LR: rate}, loss, status)
                losses.append(loss if status == "complete" else math.inf)
            if math.isfinite(min(losses)):
                chosen[name] = {LR: rates[int(np.argmin(losses))]}
    if question.confirm:
        shared = rng.normal(0, truth.seed_sd, size=100)
        for name in [*names, *question.twins]:
            own = np.random.default_rng([truth.rng, *name.encode()]).normal(0, truth.run_sd, 100)
            arm = question.twins.get(name, name)
            rate = chosen[arm].get(LR, truth.best_lr.get(arm, 4e-3))
            seeds = truth.seeds.get(arm, question.confirm.first_seeds)
            for k in range(truth.seeds.get(name, seeds)):
                loss = _loss(truth, arm, rate) + shared[k] + own[k]
                status = truth.lost.get(("confirm", name, k + 1), "complete")
                write_run(
                    folder,
                    question,
                    truth,
                    name,
                    "confirm",
                    k + 1,
                    None,
                    chosen[arm],
                    loss,
                    status,
                )
    if not question.tune and not question.confirm:
        for name in names:
            loss, status = truth.loss[name], truth.lost.get(("run", name, 0), "complete")
            write_run(folder, question, truth, name, "run", 0, None, {}, loss, status)
    return folder


def _rates(question: SweepConfig, best: float) -> list[float]:
    assert question.tune is not None
    span = question.tune.space[LR]
    low, high = math.log(span.low), math.log(span.high)
    shares = (np.arange(question.tune.n_explore) + 0.37) / question.tune.n_explore
    explore = [math.exp(low + share * (high - low)) for share in shares]
    nearest = min(explore, key=lambda rate: abs(math.log(rate / best)))
    refine = [nearest * 2 ** (0.6 * (-1) ** k) for k in range(question.tune.n_refine)]
    return [float(f"{min(max(rate, span.low), span.high):.4g}") for rate in [*explore, *refine]]


def _loss(truth: Truth, name: str, rate: float) -> float:
    octaves = math.log2(rate / truth.best_lr.get(name, 4e-3))
    return truth.loss[name] + truth.octave * octaves**2 * (1 + 0.15 * max(octaves, 0))


def model_of(question: SweepConfig, name: str) -> dict[str, Any]:
    return {**counts_of(question.variant(name).model), "vocab_size": 97}


def counts_of(model: ModelConfig) -> dict[str, int]:
    return {
        "n_params": model.n_params(97),
        "n_params_embedding": model.n_params_embedding(97),
        "flops_per_token": model.flops_per_token(97),
    }


def write_run(
    folder: Path,
    question: SweepConfig,
    truth: Truth,
    name: str,
    phase: str,
    seed: int,
    trial: int | None,
    settings: dict[str, Any],
    loss: float,
    status: str,
    *,
    last: int | None = None,
    model: Mapping[str, int] | None = None,
    tokens_per_step: int | None = None,
) -> None:
    identity = digest([name, phase, seed, trial, settings])
    run = f"{name}-{seed}-{identity[:8]}"
    path = folder / "runs" / run
    path.mkdir(parents=True)
    labels = {"sweep": folder.name, "variant": name, "phase": phase}
    labels |= {} if trial is None else {"trial": str(trial)}
    split = question.endpoint.split("/")[0] if phase == "confirm" else "val"
    order = {"run": run, "digest": identity, "labels": labels, "settings": settings}
    (path / "order.json").write_text(json.dumps({**order, "judge": split, "threads": 1}))
    if status == "planned":
        return
    steps = question.base.train.steps
    if last is None:
        last = {"complete": steps, "diverged": 120, "failed": 40, "running": 200}[status]
    write_curve(path / "metrics.csv", question, loss, seed, last)
    if status == "running":
        return
    metrics: dict[str, float] = {}
    if status == "complete":
        metrics = {"train/loss": loss - 0.05}
        for part in dict.fromkeys(["val", split]):
            value = loss + (0.013 if part == "test" else 0.0)
            metrics[f"{part}/loss"] = value
            metrics[f"{part}/perplexity"] = math.exp(value)
            metrics[f"{part}/bpb"] = value / math.log(2)
    done = status == "complete"
    total = 12.5 + (hash_unit(run) - 0.5)
    result = {
        "schema": 1,
        "run": run,
        "digest": identity,
        "status": status,
        "seed": seed,
        "step": last,
        "tokens": last * (tokens_per_step or question.base.tokens_per_step),
        "metrics": metrics,
        "initial": {"val/loss": INITIAL} if status != "failed" else {},
        "model": model_of(question, name) | dict(model or {}) if status != "failed" else {},
        "data": {
            "corpus_digest": "c0" * 32,
            "digest": "da" * 32,
            "stats": {
                "train": {"bytes": 401_234, "chars": 401_100, "tokens": 401_100, "documents": 90},
                "val": {"bytes": 22_345, "chars": 22_340, "tokens": 22_340, "documents": 5},
                "test": {"bytes": 22_100, "chars": 22_100, "tokens": 22_100, "documents": 5},
            },
        },
        "timing": {
            "total": total,
            "setup": 0.9,
            "train": total - 2.6,
            "eval": 1.1,
            "track": 0.2,
            "package": 0.3,
            "tokens_per_second": 82_000.0 + 1000 * hash_unit(run),
            "peak_memory_bytes": 412_000_000 + int(1e6 * hash_unit(run)),
        }
        if status != "failed"
        else {},
        "provenance": {
            "source_digest": "5e" * 32,
            "git_commit": "3f2a9c01" * 5,
            "git_dirty": False,
            "torch": "2.13.0",
            "device": "cpu",
            "threads": 1,
        },
        "diverged_at": last if status == "diverged" else None,
        "error": truth.error if status == "failed" else None,
        "package": run if done else None,
    }
    (path / "result.json").write_text(json.dumps(result))


def write_curve(path: Path, question: SweepConfig, loss: float, seed: int, last: int) -> None:
    rng = np.random.default_rng(seed)
    steps, every = question.base.train.steps, question.base.train.eval_interval
    header = ["step", "tokens", "train/loss", "train/grad_norm", "train/lr"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*header, "val/loss", "val/perplexity", "val/bpb"])
        for step in range(0, last + 1, question.base.train.log_every):
            share = (1 - math.exp(-6 * step / steps)) / (1 - math.exp(-6))
            value = float(INITIAL + (loss - INITIAL) * share)
            noisy = value + float(rng.normal(0, 0.02)) if step else value
            row: list[Any] = [step, step * question.base.tokens_per_step]
            row += [repr(noisy), "1.5", "0.001"] if step else ["", "", ""]
            row += [repr(value), repr(math.exp(value)), repr(value / math.log(2))]
            writer.writerow(row if step % every == 0 else [*row[:5], "", "", ""])


def hash_unit(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return int(digest(text)[:8], 16) / 2**32
