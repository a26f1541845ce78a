"""What a sweep will cost, without torch: runs, FLOPs, bytes, and minutes where they are known.

Counts are arithmetic. Seconds come from this machine's own record of finished runs and measured
steps: the one nearest in FLOPs a token and tokens a step, scaled by FLOPs; no record near enough
means no estimate.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from lab.config.execution import ALONE, Executed
from lab.config.run import RunConfig
from lab.config.seeds import seeds_of
from lab.files import cache_folder, read_json, write_json
from lab.sweep.plan import Plan, Result
from lab.sweep.space_needed import BYTES_A_PARAMETER, Space, space_needed

NEAR = math.log(3)


@dataclass(frozen=True)
class Cost:
    """Of one run of one arm. `seconds` is None where this machine has no near record."""

    variant: str
    n_params: int
    flops_per_token: int
    flops: float
    package_bytes: int
    seconds: float | None


@dataclass(frozen=True)
class Estimate:
    """Of a whole plan, at its least and its greatest number of runs."""

    costs: tuple[Cost, ...]
    runs: tuple[int, int]
    flops: tuple[float, float]
    package_bytes: tuple[int, int]  # kept in the end
    space: Space
    seconds: tuple[float, float] | None


def estimate(
    plan: Plan,
    *,
    vocab_sizes: Mapping[str, int],
    device: str,
    workers: int,
    executed: Executed = ALONE,
) -> Estimate:
    """Cost of a plan with `workers` jobs at a time."""
    records = _records(_key(device, executed))
    costs = tuple(
        _cost(name, plan.question.variant(name), vocab_sizes[name], records)
        for name in plan.question.arms
    )
    of = {cost.variant: cost for cost in costs}
    of |= {twin: of[reference] for twin, reference in plan.question.twins.items()}
    (low, high), work = plan.span(), plan.work()
    seconds = {name: cost.seconds for name, cost in of.items() if cost.seconds is not None}
    known = len(seconds) == len(of)
    return Estimate(
        costs=costs,
        runs=(low, high),
        flops=_total(work, {name: cost.flops for name, cost in of.items()}),
        package_bytes=_kept(plan, {name: cost.package_bytes for name, cost in of.items()}),
        space=space_needed(plan, vocab_sizes=vocab_sizes, workers=workers * executed.members),
        seconds=_total(work, {k: s / workers for k, s in seconds.items()}) if known else None,
    )


def remember(
    *,
    device: str,
    flops_per_token: int,
    tokens_per_step: int,
    seconds: float,
    executed: Executed = ALONE,
) -> None:
    """Record the seconds a token took, training and evaluation together, on this machine; of a
    member of a cohort its share of them."""
    file, key = cache_folder() / "calibration.json", _key(device, executed)
    kept = [
        record
        for record in _records(key)
        if (record["flops_per_token"], record["tokens_per_step"])
        != (flops_per_token, tokens_per_step)
    ]
    kept.append(
        {
            "flops_per_token": flops_per_token,
            "tokens_per_step": tokens_per_step,
            "seconds_per_token": seconds,
        }
    )
    write_json(file, _read(file) | {key: kept[-200:]})


def remember_results(results: Iterable[Result], *, device: str, executed: Executed = ALONE) -> None:
    """Record the median speed of the finished runs of each size."""
    speeds: dict[tuple[int, int], list[float]] = {}
    for result in results:
        timing = result["timing"]
        known = {"train", "eval"} <= timing.keys() and "flops_per_token" in result["model"]
        if result["status"] == "complete" and known and result["tokens"] and result["step"]:
            spent = (timing["train"] + timing["eval"]) / result["tokens"]
            key = (result["model"]["flops_per_token"], result["tokens"] // result["step"])
            speeds.setdefault(key, []).append(spent)
    for (flops, tokens), spent_all in speeds.items():
        remember(
            device=device,
            flops_per_token=flops,
            tokens_per_step=tokens,
            seconds=sorted(spent_all)[len(spent_all) // 2],
            executed=executed,
        )


def _total(
    spans: Mapping[str, tuple[float, float]], each: Mapping[str, float]
) -> tuple[float, float]:
    """So many of each, at least and at most."""
    return (
        sum(low * each[name] for name, (low, _) in spans.items()),
        sum(high * each[name] for name, (_, high) in spans.items()),
    )


def _kept(plan: Plan, sizes: Mapping[str, int]) -> tuple[int, int]:
    """Bytes of the packages at the end, of the smallest and the largest plan."""
    match plan.question.packages:
        case "all":
            low, high = _total(plan.spans(), sizes)
        case "confirm":
            low, high = _total(seeds_of(plan.question), sizes)
        case "best":
            low, high = min(sizes.values()), max(sizes.values())
        case unreachable:
            assert_never(unreachable)
    return int(low), int(high)


def _cost(name: str, config: RunConfig, vocab_size: int, records: list[dict[str, float]]) -> Cost:
    flops_per_token = config.model.flops_per_token(vocab_size)
    tokens = config.train.steps * config.tokens_per_step
    n_params = config.model.n_params(vocab_size)

    def distance(record: Mapping[str, float]) -> float:
        return abs(math.log(record["flops_per_token"] / flops_per_token)) + abs(
            math.log(record["tokens_per_step"] / config.tokens_per_step)
        )

    nearest = min(records, key=distance, default=None)
    seconds = None
    if nearest is not None and distance(nearest) <= NEAR:
        scale = flops_per_token / nearest["flops_per_token"]
        seconds = nearest["seconds_per_token"] * scale * tokens
    return Cost(
        name,
        n_params,
        flops_per_token,
        flops_per_token * tokens,
        n_params * BYTES_A_PARAMETER,
        seconds,
    )


def _key(device: str, executed: Executed) -> str:
    """Under which seconds are kept: those of runs alone tell nothing of cohorts."""
    alone = f"{device}/{executed.threads}"
    return alone if executed.kind == "alone" else f"{alone}/{executed.kind}"


def _records(key: str) -> list[dict[str, float]]:
    found = _read(cache_folder() / "calibration.json").get(key, [])
    keys = ("flops_per_token", "tokens_per_step", "seconds_per_token")
    return [
        record
        for record in (found if isinstance(found, list) else [])
        if isinstance(record, dict)
        and all(isinstance(record.get(key), int | float) and record[key] > 0 for key in keys)
    ]


def _read(file: Any) -> dict[str, Any]:
    try:
        found = read_json(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
