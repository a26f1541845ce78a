"""The folder of a search, its trials made up, written file by file as the lab lays it out."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from lab.config.digest import digest
from lab.config.space import Range, is_active, ordered
from lab.config.sweep import SweepConfig
from tests.report.sweeps import (
    INITIAL,
    LR,
    Truth,
    build_sweep,
    counts_of,
    hash_unit,
    write_run,
)

SPACE = {
    LR: {"low": 1e-3, "high": 3.2e-2, "log": True},
    "model.n_layers": {"low": 1, "high": 4},
    "train.batch_size": [8, 16, 32],
    "position": {
        "rope": {"model.position": {"kind": "rope"}},
        "learned": {"model.position": {"kind": "learned"}},
    },
    "model.position.theta": {
        "low": 100, "high": 100_000, "log": True, "when": {"position": "rope"}
    },
    "model.bias": [True, False],
}  # fmt: skip


def build_search(
    folder: Path,
    question: SweepConfig,
    *,
    fates: Mapping[int, str] | None = None,
    settings: Sequence[Mapping[str, Any]] | None = None,
    over: bool = True,
    importance: Mapping[str, float] | None = None,
    kept: bool = True,
    confirmed: int | None = None,
    error: str = "RuntimeError: out of memory",
    **more: Any,
) -> Path:
    """Trials of every variant, each with a fate; `more` replaces parts of trials.json."""
    assert question.tune is not None
    fates, rng = fates or {}, np.random.default_rng(0)
    points = list(settings or (_drawn(question, rng) for _ in range(question.tune.n_trials)))
    build_sweep(folder, _untried(question), Truth(seeds=dict.fromkeys(question.arms, 0)))
    text = yaml.safe_dump(question.dump(), sort_keys=False, allow_unicode=True)
    (folder / "sweep.yaml").write_text(text)
    trials = [
        _searched(folder, question, name, number, dict(point), fates.get(number, "complete"), error)
        for number, point in enumerate(points)
        for name in question.arms
    ]
    done = [t for t in trials if t["state"] == "complete"]
    sign = question.objectives[0].sign
    for name in question.arms if question.confirm else ():
        mine = [t for t in done if t["variant"] == name]
        if not mine:
            continue
        best = min(mine, key=lambda t: sign * t["values"][0])
        count = question.confirm.max_seeds if confirmed is None else confirmed
        for k in range(1, count + 1):
            seed = question.confirm_seed(k)
            loss = _landscape(best["settings"]) + 0.01 + 0.01 * (hash_unit(f"{name}{k}") - 0.5)
            model = counts_of(question.variant(name, best["settings"]).model)
            write_run(folder, question, Truth(), name, "confirm", seed, None, best["settings"],
                       loss, "complete", model=model)  # fmt: skip
    content = {
        "schema": 1,
        "objectives": [objective.dump() for objective in question.objectives],
        "seeds": question.tune.seeds,
        "sampler": question.tune.sampler.kind,
        "pruner": question.tune.pruner.kind if question.tune.pruner else None,
        "space": question.tune.dump()["space"],
        "plan": json.loads((folder / "plan.json").read_text())["hash"],
        "tokens": {
            "spent": sum(t["tokens"] for t in trials),
            "full": sum(t["full_tokens"] for t in trials),
        },
        "skipped": [],
        "over": over,
        "n_skipped": 0,
        "warm": [],
        "warm_notes": [],
        "trials": trials,
        "importance": {name: dict(importance or {}) for name in question.arms},
        **more,
    }
    if kept:
        (folder / "trials.json").write_text(json.dumps(content))
    return folder


def _untried(question: SweepConfig) -> SweepConfig:
    return SweepConfig.parse({**question.dump(), "tune": None, "confirm": {"max_seeds": 2}})


def _drawn(question: SweepConfig, rng: np.random.Generator) -> dict[str, Any]:
    assert question.tune is not None
    found: dict[str, Any] = {}
    for name in ordered(question.tune.space):
        entry = question.tune.space[name]
        if not is_active(entry, found):
            continue
        if isinstance(entry, Range):
            low, high = (math.log(x) if entry.log else x for x in (entry.low, entry.high))
            x = low + float(rng.uniform()) * (high - low)
            found[name] = entry.value(float(f"{math.exp(x) if entry.log else x:.3g}"))
        else:
            found[name] = entry.keys[int(rng.integers(len(entry.keys)))]
    return found


def _landscape(settings: Mapping[str, Any]) -> float:
    """A loss with a bowl along the rate; deeper and with rotary positions is better."""
    octaves = math.log2(settings.get(LR, 4e-3) / 6e-3)
    loss = 2.0 + 0.04 * octaves**2 - 0.05 * settings.get("model.n_layers", 2)
    loss += 0.0 if settings.get("position") == "rope" else 0.12
    return loss + 0.02 * abs(math.log2(settings.get("train.batch_size", 16) / 16))


def _searched(
    folder: Path,
    question: SweepConfig,
    name: str,
    number: int,
    settings: dict[str, Any],
    fate: str,
    error: str,
) -> dict[str, Any]:
    assert question.tune is not None
    config = question.variant(name, settings)
    steps, every = config.train.steps, config.train.eval_interval
    counts = counts_of(config.model)
    last = {"complete": steps, "pruned": 4 * every, "diverged": 120, "failed": 40}.get(fate, every)
    loss = _landscape(settings)
    seen = {
        str(step): INITIAL + (loss - INITIAL) * (1 - math.exp(-6 * step / steps)) / 0.9975
        for step in range(0, last + 1, every)
    }
    metrics = {"val/loss": loss, "val/perplexity": math.exp(loss)}
    metrics |= {f"model.{key}": value for key, value in counts.items()}
    metrics["time/tokens_per_second"] = 1e5 * (1 + number % 3)
    seeds = question.tune.seeds if fate == "complete" else 1
    replicates, runs = [], []
    for k in range(seeds):
        noise = 0.02 * (hash_unit(f"{number}-{k}") - 0.5) if question.tune.seeds > 1 else 0.0
        identity = digest([name, "tune", question.base.seed + k, number, settings])
        runs.append(f"{name}-{question.base.seed + k}-{identity[:8]}")
        replicates.append([
            metrics[o.metric] + (noise if o.metric.startswith("val/") else 0)
            for o in question.objectives
        ])  # fmt: skip
        write_run(
            folder, question, Truth(error=error), name, "tune", question.base.seed + k, number,
            settings, loss + noise, "running" if fate == "running" else fate,
            last=last, model=counts, tokens_per_step=config.tokens_per_step,
        )  # fmt: skip
    values = [float(np.mean(column)) for column in zip(*replicates, strict=True)]
    return {
        "variant": name, "number": number, "source": "list", "batch": 0, "settings": settings,
        "full_tokens": question.tune.seeds * steps * config.tokens_per_step, "state": fate,
        "bracket": None, "values": values if fate == "complete" else None,
        "replicates": replicates if fate == "complete" else [], "intermediate": seen,
        "runs": runs, "tokens": seeds * last * config.tokens_per_step,
        "counts": {key: counts[key] for key in ("n_params", "flops_per_token") if fate != "failed"},
        "reason": None if fate == "complete" else f"{fate}, as the test wants it",
    }  # fmt: skip
