"""A sweep without training: results made up from the settings, at once."""

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from lab.config.sweep import SweepConfig
from lab.sweep.plan import Plan, PlannedRun, Result
from lab.sweep.story import Story
from lab.sweep.suggest import suggest

BASE: dict[str, Any] = {
    "data": {"corpus": {"kind": "python-docs"}},
    "model": {"n_layers": 1, "n_heads": 2, "d_model": 16, "max_seq_len": 16},
    "train": {"steps": 100, "batch_size": 2},
}
LR = {"low": 1e-4, "high": 1e-1, "log": True}
RATE = {"train.optimizer.lr": LR}
SPACE = {**RATE, "train.optimizer.weight_decay": {"low": 0.0, "high": 0.5}}
SAMPLERS: dict[str, dict[str, Any]] = {
    "quasi-random": {"trials": 9},
    "random": {"trials": 9},
    "grid": {
        "space": {
            "train.optimizer.lr": [1e-3, 3e-3, 1e-2, 3e-2],
            "train.optimizer.weight_decay": [0.0, 0.1],
        }
    },
    "tpe": {"trials": 9, "sampler": {"kind": "tpe", "width": 3, "startup": 3}},
    "gp": {"trials": 9, "sampler": {"kind": "gp", "width": 3, "startup": 3}},
    "cma-es": {"trials": 9, "sampler": {"kind": "cma-es", "width": 3}},
    "nsga-ii": {"trials": 9, "sampler": {"kind": "nsga-ii", "width": 3, "population": 3}},
}
PRUNERS: dict[str, dict[str, Any]] = {
    "none": {},
    "median": {"pruner": {"kind": "median", "startup": 2}},
    "successive-halving": {"pruner": {"kind": "successive-halving"}},
    "hyperband": {"pruner": {"kind": "hyperband"}},
    "threshold": {"pruner": {"kind": "threshold", "upper": 2.9}},
    "wilcoxon": {"pruner": {"kind": "wilcoxon", "p": 0.25}, "seeds": 4},
    "seeds": {"seeds": 3},
}


def question(**changes: Any) -> SweepConfig:
    raw = {"question": "Which?", "base": BASE, **changes}
    return SweepConfig.parse({key: value for key, value in raw.items() if value is not None})


def search(sampler: str, pruner: str = "none", **changes: Any) -> SweepConfig:
    tune = {"sampler": {"kind": sampler}, "space": SPACE, **SAMPLERS[sampler], **PRUNERS[pruner]}
    return question(tune={**tune, **changes})


def plan_of(asked: SweepConfig, /, **more: Any) -> Plan:
    sizes = dict.fromkeys(asked.variants, 64)
    return Plan(
        asked,
        "digest",
        settled=lambda runs, results: set(),
        vocab_sizes=sizes,
        suggest=suggest,
        **more,
    )


def loss_of(run: PlannedRun, step: int) -> float:
    """Best at a rate of 0.01; noise by seed and name, less of it towards the end."""
    rate = run.config.train.optimizer.lr
    noise = random.Random(f"{run.seed} {run.name}").gauss(0, 0.01)
    left = 1 - step / run.config.train.steps
    return 2.0 + 0.2 * math.log10(rate / 0.01) ** 2 + left + noise


def answer(run: PlannedRun, status: str = "complete") -> Result:
    """What a run reports that trained to its end, or paused at its step."""
    train = run.config.train
    last = run.until or train.steps
    if status in ("diverged", "failed"):
        last = 0
    seen = {
        str(step): {"val/loss": loss_of(run, step), "train/loss": loss_of(run, step)}
        for step in range(0, last + 1, train.eval_interval)
    }
    paused = status == "complete" and run.until is not None
    done = status in ("complete", "nan", "inf") and not paused
    loss = float(status) if status in ("nan", "inf") else loss_of(run, last)
    return {
        "status": "running" if paused else "complete" if done else status,
        "digest": run.digest,
        "seed": run.seed,
        "step": last,
        "tokens": last * run.config.tokens_per_step,
        "evaluations": seen,
        "metrics": {"val/loss": loss, "test/loss": 1.0} if done else {},
        "model": {"n_params": run.config.model.n_params(64), "flops_per_token": 1},
        "timing": {},
        "diverged_at": 1 if status == "diverged" else None,
        "error": "it broke" if status == "failed" else None,
    }


def carry_out(
    plan: Plan,
    *,
    fates: Mapping[tuple[int, int], str] | None = None,
    shuffled: int | None = None,
    rounds: int | None = None,
) -> tuple[Story, dict[str, Result]]:
    """The story to its end, or through so many rounds; `fates` by (trial, seed)."""
    results: dict[str, Result] = {}
    story = Story(plan, results)
    story.advance()
    while not story.is_over and (rounds is None or len(story.rounds) <= rounds):
        todo = [run for run in story.rounds[-1] if not run.is_done(results)]
        if shuffled is not None:
            random.Random(shuffled).shuffle(todo)
        for run in todo:
            fate = (fates or {}).get((-1 if run.trial is None else run.trial, run.seed))
            results[run.name] = answer(run, fate or "complete")
        story.advance()
    return story, results


def told(story: Story) -> list[dict[str, Any]]:
    return [trial.dump() for trial in story.trials]


def asked_for(rounds: Sequence[Sequence[PlannedRun]]) -> list[list[tuple[str, int | None]]]:
    return [[(run.name, run.until) for run in batch] for batch in rounds]
