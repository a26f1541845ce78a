"""What a question compares: weighted sums of arms' losses, paired by seed, whose weights sum to 0.

    pair          rope − learned
    main          (rope+layernorm + rope+rmsnorm)/2 − (learned+layernorm + learned+rmsnorm)/2
    interaction   (rope+rmsnorm − learned+rmsnorm) − (rope+layernorm − learned+layernorm)
    twin          learned-twin − learned

Design choices:
- main effects and interactions are against the first level of each factor (treatment contrasts,
  averaged over the levels of the others), so that each is a difference a reader can say in words;
- at several scales every contrast is made at each scale.
"""

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Effect = Literal["pair", "main", "interaction", "twin"]
Weights = Mapping[str, float]
Levels = Mapping[str, Collection[str]]  # of each factor, the reference level first


@dataclass(frozen=True)
class Contrast:
    """`a` is compared with `b`: two arms, or two levels of a factor.

    Of an interaction, `beside` says at which two levels of which other factor the gain of `a` over
    `b` is compared: (factor, level, reference level).
    """

    name: str
    effect: Effect
    a: str
    b: str
    weights: Weights
    scale: str | None = None
    factor: str | None = None
    beside: tuple[str, str, str] | None = None


def pair(a: str, b: str, *, scale: str | None = None, effect: Effect = "pair") -> Contrast:
    return Contrast(f"{a} − {b}", effect, a, b, {a: 1.0, b: -1.0}, scale)


def cells(levels: Levels) -> dict[tuple[str, ...], str]:
    """Every combination of levels, the last factor fastest, and the arm's name."""
    return {cell: "+".join(cell) for cell in itertools.product(*levels.values())}


def effects(levels: Levels, *, scale: str | None = None) -> Iterator[Contrast]:
    """The main effect of every level, then the interaction of every two factors' levels."""
    for factor, (reference, *others) in levels.items():
        for level in others:
            weights = _weights(levels, {factor: (level, reference)}, scale)
            yield Contrast(
                f"{factor}: {level} − {reference}{_at(scale)}",
                "main", level, reference, weights, scale, factor,
            )  # fmt: skip
    for one, other in itertools.combinations(levels, 2):
        (b, *others), (base, *beside) = levels[one], levels[other]
        for a, level in itertools.product(others, beside):
            weights = _weights(levels, {one: (a, b), other: (level, base)}, scale)
            yield Contrast(
                f"{one} × {other}: {a} × {level}{_at(scale)}",
                "interaction", a, b, weights, scale, one, (other, level, base),
            )  # fmt: skip


def at_scale(name: str, scale: str | None) -> str:
    """The name of an arm, given the variant's."""
    return name if scale is None else f"{name}@{scale}"


def _weights(
    levels: Levels, compared: Mapping[str, tuple[str, str]], scale: str | None
) -> dict[str, float]:
    """+1 at each level, −1 at its reference, multiplied; averaged over the factors left out."""
    averaged = 1.0
    for factor, names in levels.items():
        averaged /= 1 if factor in compared else len(names)
    found = {}
    for cell, name in cells(levels).items():
        weight = averaged
        for factor, level in zip(levels, cell, strict=True):
            if factor in compared:
                plus, minus = compared[factor]
                weight *= (level == plus) - (level == minus)
        if weight:
            found[at_scale(name, scale)] = weight
    return found


def _at(scale: str | None) -> str:
    return "" if scale is None else f" @ {scale}"
