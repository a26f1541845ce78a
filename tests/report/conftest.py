"""A sweep folder with a planted truth, written file by file as the lab lays it out."""

import csv
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from lab.config.digest import digest
from lab.config.loading import load_sweep
from lab.config.model import ModelConfig
from lab.config.space import Range, is_active, ordered
from lab.config.sweep import SweepConfig
from lab.report.records import frame

INITIAL = 4.55
LR = "train.optimizer.lr"
CONFIG = Path(__file__).parents[2] / "configs" / "posenc.yaml"
SIZE = (  # what the tests count with
    "train.steps=400",
    "train.batch_size=16",
    "train.schedule.warmup_steps=40",
    "model.max_seq_len=128",
    "model.d_model=64",
)


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


@pytest.fixture(scope="session")
def question() -> SweepConfig:
    return load_sweep(CONFIG, overrides=SIZE)


@pytest.fixture
def make_sweep(tmp_path: Path, question: SweepConfig) -> Callable[..., Path]:
    """`make(asked=..., name=..., **truth)` writes a sweep folder and returns its path."""

    def make(*, asked: SweepConfig | None = None, name: str = "posenc", **truth: Any) -> Path:
        return build_sweep(tmp_path / name, asked or question, Truth(**truth))

    return make


@pytest.fixture(scope="session")
def plain_sweep(tmp_path_factory: pytest.TempPathFactory, question: SweepConfig) -> Path:
    """A complete sweep for tests that write nothing into it."""
    return build_sweep(tmp_path_factory.mktemp("plain") / "posenc", question, Truth())


@pytest.fixture(scope="session")
def asking(question: SweepConfig) -> Callable[..., SweepConfig]:
    """The posenc question with top-level parts replaced; None leaves a part out."""

    def ask(**parts: Any) -> SweepConfig:
        return SweepConfig.parse({**question.dump(), **parts})

    return ask


Outcome = float | str  # a loss, or the status of a run without one


@pytest.fixture
def runs_of() -> Callable[..., pd.DataFrame]:
    """A table of runs without a folder.

    `confirm` maps a variant to its outcomes by seed, `tune` to (settings, outcome) by trial.
    """

    def build(
        question: SweepConfig,
        confirm: Mapping[str, Mapping[int, Outcome]] | None = None,
        tune: Mapping[str, Sequence[tuple[Mapping[str, float], Outcome]]] | None = None,
        chosen: Mapping[str, Mapping[str, float]] | None = None,
    ) -> pd.DataFrame:
        pairs = []
        for name, trials in (tune or {}).items():
            for trial, (settings, outcome) in enumerate(trials):
                labels = {"variant": name, "phase": "tune", "trial": str(trial)}
                pairs.append(_pair(labels, 0, settings, outcome, question.tuning_metric))
        for name, seeds in (confirm or {}).items():
            for seed, outcome in seeds.items():
                labels = {"variant": name, "phase": "confirm"}
                settings = (chosen or {}).get(name, {})
                pairs.append(_pair(labels, seed, settings, outcome, question.endpoint))
        return frame(question, pairs)

    return build


def _pair(
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
        "variants": {name: _model(question, name) for name in question.variants},
    }
    (folder / "plan.json").write_text(json.dumps({**plan, "hash": digest(plan)}))
    rng = np.random.default_rng(truth.rng)
    names = list(question.variants)
    chosen: dict[str, dict[str, float]] = {name: {} for name in names}
    if question.tune:
        for name in names:
            losses, rates = [], _rates(question, truth.best_lr.get(name, 4e-3))
            for trial, rate in enumerate(rates):
                loss = _loss(truth, name, rate) + rng.normal(0, truth.run_sd)
                status = truth.lost.get(("tune", name, trial), "complete")
                _write_run(
                    folder, question, truth, name, "tune", 0, trial, {LR: rate}, loss, status
                )
                losses.append(loss if status == "complete" else math.inf)
            if math.isfinite(min(losses)):
                chosen[name] = {LR: rates[int(np.argmin(losses))]}
    if question.confirm:
        shared = rng.normal(0, truth.seed_sd, size=100)
        for name in names:
            own = np.random.default_rng([truth.rng, *name.encode()]).normal(0, truth.run_sd, 100)
            rate = chosen[name].get(LR, truth.best_lr.get(name, 4e-3))
            for k in range(truth.seeds.get(name, question.confirm.first_seeds)):
                loss = _loss(truth, name, rate) + shared[k] + own[k]
                status = truth.lost.get(("confirm", name, k + 1), "complete")
                _write_run(
                    folder,
                    question,
                    truth,
                    name,
                    "confirm",
                    k + 1,
                    None,
                    chosen[name],
                    loss,
                    status,
                )
    if not question.tune and not question.confirm:
        for name in names:
            loss, status = truth.loss[name], truth.lost.get(("run", name, 0), "complete")
            _write_run(folder, question, truth, name, "run", 0, None, {}, loss, status)
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


def _model(question: SweepConfig, name: str) -> dict[str, Any]:
    return {**_counts(question.variant(name).model), "vocab_size": 97}


def _counts(model: ModelConfig) -> dict[str, int]:
    return {
        "n_params": model.n_params(97),
        "n_params_embedding": model.n_params_embedding(97),
        "flops_per_token": model.flops_per_token(97),
    }


def _write_run(
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
    _write_curve(path / "metrics.csv", question, loss, seed, last)
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
        "model": _model(question, name) | dict(model or {}) if status != "failed" else {},
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


def _write_curve(path: Path, question: SweepConfig, loss: float, seed: int, last: int) -> None:
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


@pytest.fixture(scope="session")
def searching(asking: Callable[..., SweepConfig]) -> Callable[..., SweepConfig]:
    """A question that is a search; the arguments are parts of its `tune`."""

    def ask(*, confirm: Any = None, **tune: Any) -> SweepConfig:
        tune = {"trials": 8, "space": SPACE, "refine": 0, **tune}
        tune = {name: value for name, value in tune.items() if value is not None}
        return asking(baseline=None, variants={"base": {}}, tune=tune, confirm=confirm)

    return ask


@pytest.fixture
def make_search(tmp_path: Path) -> Callable[..., Path]:
    """`make(question, fates={3: "pruned"}, ...)` writes the folder of a search."""

    def make(asked: SweepConfig, *, name: str = "search", **more: Any) -> Path:
        return build_search(tmp_path / name, asked, **more)

    return make


@pytest.fixture(scope="session")
def plain_search(
    tmp_path_factory: pytest.TempPathFactory, searching: Callable[..., SweepConfig]
) -> Path:
    """A finished search with everything in it, for tests that write nothing into it."""
    return build_search(
        tmp_path_factory.mktemp("plain") / "search",
        searching(confirm={"max_seeds": 3}, seeds=2, pruner={"kind": "median"}),
        fates={1: "pruned", 2: "diverged", 5: "failed"},
        importance={LR: 0.6, "model.n_layers": 0.25, "position": 0.15},
        warm_notes=["2 trials are of other data"],
        skipped=[{"variant": "base", "settings": {LR: 0.01}, "reason": "too big"}],
        n_skipped=2,
    )


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
    build_sweep(folder, _untried(question), Truth(seeds=dict.fromkeys(question.variants, 0)))
    text = yaml.safe_dump(question.dump(), sort_keys=False, allow_unicode=True)
    (folder / "sweep.yaml").write_text(text)
    trials = [
        _searched(folder, question, name, number, dict(point), fates.get(number, "complete"), error)
        for number, point in enumerate(points)
        for name in question.variants
    ]
    done = [t for t in trials if t["state"] == "complete"]
    sign = question.objectives[0].sign
    for name in question.variants if question.confirm else ():
        mine = [t for t in done if t["variant"] == name]
        if not mine:
            continue
        best = min(mine, key=lambda t: sign * t["values"][0])
        count = question.confirm.max_seeds if confirmed is None else confirmed
        for k in range(1, count + 1):
            seed = question.confirm_seed(k)
            loss = _landscape(best["settings"]) + 0.01 + 0.01 * (hash_unit(f"{name}{k}") - 0.5)
            model = _counts(question.variant(name, best["settings"]).model)
            _write_run(folder, question, Truth(), name, "confirm", seed, None, best["settings"],
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
        "importance": {name: dict(importance or {}) for name in question.variants},
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
    counts = _counts(config.model)
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
        _write_run(
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
