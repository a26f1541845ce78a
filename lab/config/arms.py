"""The names of what is tuned and trained, and what each changes of the base run."""

import itertools
import math
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lab.config.contrasts import at_scale, cells
from lab.config.explain import shown
from lab.config.overlaps import both_set
from lab.config.space import Fragment

if TYPE_CHECKING:
    from lab.config.sweep import SweepConfig

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}")
MOST = 200  # arms: a report of more is read by nobody
PAIRS = 1000
UNNAMED = {"base": Fragment()}  # the variants of a question that names none


def arms_of(sweep: "SweepConfig") -> dict[str, Fragment]:
    """What each arm changes: its scale first, then its variant or its factors' levels."""
    variants = dict(sweep.variants)
    if sweep.factors:
        variants = {
            name: _joined(
                sweep.factors[factor][level]
                for factor, level in zip(sweep.factors, cell, strict=True)
            )
            for cell, name in cells(sweep.factors).items()
        }
    return {
        at_scale(name, scale): {**sweep.scales.get(scale or "", {}), **fragment}
        for scale in sweep.scales or (None,)
        for name, fragment in variants.items()
    }


def twins_of(sweep: "SweepConfig") -> dict[str, str]:
    """The twin of each reference, where the confirmation has any."""
    if sweep.confirm is None or not sweep.confirm.has_twin or not sweep.contrasts:
        return {}
    return {
        at_scale(f"{sweep.variant_of(reference)}-twin", scale): reference
        for scale, reference in sweep.references.items()
    }


def check_names(sweep: "SweepConfig") -> None:
    """Raise ValueError where variants, factors, scales and the baseline do not fit together."""
    parts = {"variant": sweep.variants, "factor": sweep.factors, "scale": sweep.scales}
    parts |= {f"level of {factor}": levels for factor, levels in sweep.factors.items()}
    for what, names in parts.items():
        for name in names:
            if not NAME.fullmatch(name):
                raise ValueError(
                    f"{what} {shown(name)} names folders: use up to 64 letters, digits, '.', '_' "
                    "and '-', the first a letter or a digit"
                )
    _check_number(sweep)
    if sweep.factors:
        _check_factors(sweep)
    elif sweep.baseline is not None and sweep.baseline not in sweep.variants:
        raise ValueError(
            f"baseline {sweep.baseline!r} is not among the variants: {', '.join(sweep.variants)}"
        )
    if len(sweep.scales) == 1:
        raise ValueError(
            f"scales: {next(iter(sweep.scales))!r} alone is what base is for; name two or more"
        )
    if not sweep.contrasts:
        _check_alone(sweep)
    if sweep.confirm and sweep.confirm.twin and not sweep.contrasts:
        raise ValueError(
            "confirm.twin: a twin checks comparisons, and there are none; leave it out"
        )
    for twin, reference in sweep.twins.items():
        if twin in sweep.arms:
            raise ValueError(
                f"variant {twin!r} has the name of {reference}'s twin; rename it, "
                "or leave the control out with confirm.twin: false"
            )
    if unknown := sorted(sweep.matched.keys() - sweep.arms.keys()):
        raise ValueError(f"matched: {unknown[0]!r} is no arm of this question; leave matched out")


def fragments_of(sweep: "SweepConfig") -> Iterator[tuple[str, Fragment]]:
    """Every part that changes the base run, with where it stands."""
    if not sweep.factors:
        yield from ((f"variants.{name}", part) for name, part in sweep.variants.items())
    for factor, levels in sweep.factors.items():
        yield from ((f"factors.{factor}.{level}", part) for level, part in levels.items())
    yield from ((f"scales.{name}", part) for name, part in sweep.scales.items())


def overlap_faults(sweep: "SweepConfig") -> list[str]:
    """Parts that meet in one arm and set one thing: one of them would be lost without a word.

    A variant may change a part of what a scale sets as a whole, as it may of the base run.
    """
    kind = {where: where.rpartition(".")[0] for where, _ in fragments_of(sweep)}
    return [
        f"{other}.{second}: is set by {one}.{first} too; leave it out of one"
        for (one, fragment), (other, beside) in itertools.combinations(fragments_of(sweep), 2)
        if kind[one] != kind[other]
        for first, value in fragment.items()
        for second, other_value in beside.items()
        if both_set(first, value, second, other_value)
        and not (kind[other] == "scales" and first.startswith(f"{second}."))
    ]


def _check_number(sweep: "SweepConfig") -> None:
    """Factors multiply: what twenty of them come to should not be waited for."""
    levels = [len(levels) for levels in sweep.factors.values()]
    found = math.prod(levels or [len(sweep.variants)]) * max(len(sweep.scales), 1)
    if found > MOST:
        raise ValueError(
            f"variants, or factors' levels, and scales come to {found:,} combinations, more than "
            f"{MOST}; ask in several sweeps, or search them with tune"
        )
    pairs = len(sweep.variants) * (len(sweep.variants) - 1) // 2 * max(len(sweep.scales), 1)
    if sweep.compare == "all" and pairs > PAIRS:
        raise ValueError(
            f"compare: all comes to {pairs:,} comparisons, more than {PAIRS:,}, among which α is "
            "shared; compare with the baseline"
        )


def _check_factors(sweep: "SweepConfig") -> None:
    if sweep.variants != UNNAMED:
        raise ValueError("factors name the variants by themselves: leave out variants, or factors")
    if sweep.baseline is not None:
        raise ValueError(
            f"baseline {sweep.baseline!r}: with factors it is the first level of each; "
            "put the levels in that order"
        )
    if sweep.compare == "all":
        raise ValueError(
            "compare: all is for variants; factors are compared by their effects, leave it out"
        )
    if len(sweep.factors) == 1:
        raise ValueError(
            f"factors: {next(iter(sweep.factors))!r} alone has variants, not combinations; "
            "write its levels as variants"
        )
    for factor, levels in sweep.factors.items():
        if len(levels) < 2:
            raise ValueError(f"factors.{factor}: give two levels or more, the reference first")


def _check_alone(sweep: "SweepConfig") -> None:
    """Without variants there is nothing that some parts of a question could be about."""
    for part, given in (
        ("scales", bool(sweep.scales)),
        ("compare: all", sweep.compare == "all"),
        (f"match: {sweep.match}", sweep.match != "tokens"),
    ):
        if given:
            raise ValueError(f"{part}: there is nothing to compare; give variants, or leave it out")


def _joined(fragments: Iterable[Fragment]) -> Fragment:
    return {path: value for fragment in fragments for path, value in fragment.items()}
