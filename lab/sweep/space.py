"""Lists of trials: the same points for every variant, then closer around each variant's best.

Design choices:
- points live in the unit cube; a range maps its axis, linearly or in the logarithm, a choice cuts
  it into equal parts;
- the first points are one scrambled Sobol sequence (Owen 1998; scipy's `qmc`), uniform draws, or
  every cell of a grid; points that are not feasible, or were there before, are passed over for
  the next;
- refinement shrinks the cube to a box around the best point, one mean spacing of the first
  points to each side, keeps its choices, and puts the same relative points into the box of every
  variant;
- values keep four significant digits, more where a range is narrow for the size of its numbers,
  so that what is printed is what was run.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from lab.config.samplers import CmaEs, Gp, Grid, Nsga2, QuasiRandom, Tpe, UniformRandom
from lab.config.space import Choices, Range, Scalar, Settings, grid, is_active, ordered
from lab.config.tune import TuneConfig
from lab.errors import ConfigError
from lab.streams import stream

Against = Callable[[Settings], str | None]  # why settings cannot be tried, or None
Skipped = list[tuple[Settings, str]]
PATIENCE = 64  # points drawn for one that is feasible


def explore(
    tune: TuneConfig,
    *,
    seed: int,
    against: Against = lambda settings: None,
    before: Sequence[Settings] = (),
) -> tuple[list[Settings], Skipped]:
    """The list of a sampler that has one, in order, and what was passed over.

    Those that are tried `before` are not in it, where settings can come again.
    Raises `ConfigError` where too few points are feasible.
    """
    match tune.sampler:
        case Grid():
            points: Iterator[Settings] = iter(grid(tune.space))
            wanted = len(grid(tune.space))
        case QuasiRandom() | UniformRandom():
            unit = _points(tune, tune.n_explore, stream(seed, "tune", "explore"))
            points, wanted = (_settings(tune, point) for point in unit), tune.n_explore
        case _:
            raise AssertionError(f"{tune.sampler.kind} has no list")
    found, skipped = _feasible(tune, points, wanted, against, before)
    if len(found) < wanted and (not found or not isinstance(tune.sampler, Grid)):
        reason = skipped[-1][1] if skipped else "the same came again"
        raise ConfigError(
            f"tune: of {len(skipped) + len(found)} points only {len(found)} can be tried, not "
            f"{wanted}; the last was passed over because {reason}; widen the space or the "
            "constraints, or try fewer"
        )
    return found, skipped


def refine(
    tune: TuneConfig,
    best: Settings,
    *,
    seed: int,
    against: Against = lambda settings: None,
    before: Sequence[Settings] = (),
) -> tuple[list[Settings], Skipped]:
    """The last `n_refine` points, around the settings that did best so far; fewer where few fit.

    Those that were tried `before` are not tried again.
    """
    unit = _points(tune, tune.n_refine, stream(seed, "tune", "refine"))
    box = _box(tune, best)
    points = (
        _settings(tune, [low + width * x for (low, width), x in zip(box, point, strict=True)])
        for point in unit
    )
    return _feasible(tune, points, tune.n_refine, against, before)


def filled(tune: TuneConfig, partial: Settings, point: Settings) -> Settings:
    """Settings to try first, with what they leave open taken from a point of the list."""
    found: Settings = {}
    for name in ordered(tune.space):
        if is_active(tune.space[name], found):
            if name in partial or name in point:
                found[name] = partial.get(name, point.get(name))
            else:
                found[name] = _middle(tune.space[name])
    return {name: found[name] for name in tune.space if name in found}


def _feasible(
    tune: TuneConfig,
    points: Iterator[Settings],
    wanted: int,
    against: Against,
    before: Sequence[Settings] = (),
) -> tuple[list[Settings], Skipped]:
    found: list[Settings] = []
    skipped: Skipped = []
    seen = {_counted(tune, settings) for settings in before} - {None}
    while len(found) < wanted and (point := next(points, None)) is not None:
        counted = _counted(tune, point)
        if counted in seen:
            continue
        seen |= {counted} - {None}
        reason = against(point)
        if reason is None:
            found.append(point)
        else:
            skipped.append((point, reason))
    return found, skipped


def _counted(tune: TuneConfig, settings: Settings) -> str | None:
    """A name of settings that may come again; None for those with a number of an interval."""
    for name in settings:
        entry = tune.space[name]
        if isinstance(entry, Range) and entry.count is None:
            return None
    return json.dumps(settings, sort_keys=True)


def _points(tune: TuneConfig, count: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Points of the unit cube, more than are asked for."""
    if count == 0:
        return
    dimensions, most = len(tune.space), PATIENCE * count
    match tune.sampler:
        case QuasiRandom():
            from scipy.stats import qmc  # a second to import

            sobol = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed))
            power = int(np.ceil(np.log2(count)))
            yield from sobol.random_base2(power)
            for _ in range(power, int(np.ceil(np.log2(most)))):
                yield from sobol.random_base2(power)
                power += 1
        case UniformRandom():
            rng = np.random.default_rng(seed)
            for _ in range(most):
                yield rng.random(dimensions)
        case Grid() | Tpe() | Gp() | CmaEs() | Nsga2():
            raise AssertionError(f"{tune.sampler.kind} has no points of its own")
        case unreachable:
            assert_never(unreachable)


def _settings(tune: TuneConfig, point: Sequence[float] | NDArray[np.float64]) -> Settings:
    places = dict(zip(tune.space, point, strict=True))
    found: Settings = {}
    for name in ordered(tune.space):
        if is_active(tune.space[name], found):
            found[name] = _from_unit(tune.space[name], float(places[name]))
    return {name: found[name] for name in tune.space if name in found}


def _box(tune: TuneConfig, best: Settings) -> list[tuple[float, float]]:
    """(low, width) of each axis of the box around the best point."""
    spacing = max(tune.n_explore, 1) ** (-1 / len(tune.space))
    box = []
    for name, entry in tune.space.items():
        if name not in best:
            box.append((0.0, 1.0))
        elif isinstance(entry, Choices):
            place = next(n for n, key in enumerate(entry.keys) if _same(key, best[name]))
            box.append(((place + 0.5) / len(entry.keys), 0.0))
        else:
            centre = _to_unit(entry, best[name])
            low = min(max(centre - spacing, 0.0), max(0.0, 1 - 2 * spacing))
            box.append((low, min(2 * spacing, 1.0)))
    return box


def _from_unit(entry: Range | Choices, x: float) -> Scalar:
    if isinstance(entry, Choices):
        return entry.keys[min(int(x * len(entry.keys)), len(entry.keys) - 1)]
    if entry.count is not None and not entry.log:
        return entry.value(entry.low + int(x * entry.count) * (entry.step or 1))
    low, high = _ends(entry)
    value = low + x * (high - low)
    return entry.rounded(float(np.exp(value) if entry.log else value))


def _to_unit(entry: Range, value: Scalar) -> float:
    assert isinstance(value, int | float)
    if entry.count is not None and not entry.log:
        return (round((value - entry.low) / (entry.step or 1)) + 0.5) / entry.count
    low, high = _ends(entry)
    return float((np.log(value) if entry.log else value) - low) / (high - low)


def _ends(entry: Range) -> tuple[float, float]:
    if entry.log:
        return float(np.log(entry.low)), float(np.log(entry.high))
    return entry.low, entry.high


def _middle(entry: Range | Choices) -> Scalar:
    return _from_unit(entry, 0.5)


def _same(one: Scalar, other: Scalar) -> bool:
    return type(one) is type(other) and one == other
