"""The whole comparison from scale to scale: what was reached, and whether the answer stays.

Design choices:
- a row a variant and scale, beside the difference from the reference of the same scale;
- whether a sign holds is read off the verdicts' own intervals, and said of every contrast;
- a power law is fitted where there are four scales or more, and says whether it fits.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from lab.config.sweep import SweepConfig
from lab.report.judging.pairs import confirm_runs
from lab.report.judging.tuned import numbers
from lab.report.judging.verdict import Verdict
from lab.report.tables.evidence import measured
from lab.report.tables.extent import (
    WIDEST,
    Extent,
    extent,
    law_of,
    losses_of,
    misfit,
    seed_sd,
)
from lab.report.tables.table import Show, Table, bound, decimals, short, whole
from lab.report.terms import header, listed, quantity, unit
from lab.stats.paired import noise_floor
from lab.stats.scaling import exponent_interval
from lab.stats.signs import Signs, signs

LAW = (
    "L = E + A x^−α, through the losses of all seeds (Kaplan et al. 2020; Hoffmann et al. 2022), "
    "where x is {x}. The interval of α is one at 95 %, a jackknife over seeds: what the draw of "
    "seeds leaves open if the law holds. The misfit is the SD of what remains of log L, beside "
    f"its SD over seeds. A law does not fit where it misses by more than {WIDEST} of these, or "
    "where its floor came to 0: its exponent has no interval then, and the figure no curve."
)


def scales(question: SweepConfig, runs: pd.DataFrame, verdicts: Sequence[Verdict]) -> Table | None:
    """A row an arm; None without scales, and where nothing is confirmed."""
    if not question.scales or question.confirm is None:
        return None
    found = {v.variant: v for v in measured(verdicts) if _is_with_reference(question, v)}
    loss, size, rows = header(question.endpoint), extent(question, runs), []
    for arm in sorted(question.arms, key=question.variant_of):
        values = numbers(confirm_runs(question, runs, arm), "endpoint")
        values = values[np.isfinite(values)]
        if not len(values):
            continue
        v = found.get(arm)
        rows.append(
            {
                "Variant": question.variant_of(arm),
                "Scale": question.scale_of(arm),
                **({size.name: size.of.get(arm)} if size else {}),
                loss: values.mean(),
                "SD over seeds": noise_floor(values),
                "Seeds": len(values),
                "Difference": v.difference if v else None,
                "Interval from": v.low if v else None,
                "Interval to": v.high if v else None,
                "Verdict": v.kind if v else None,
            }
        )
    if not rows:
        return None
    frame = pd.DataFrame(rows)
    if not found:
        frame = frame.drop(columns=["Difference", "Interval from", "Interval to", "Verdict"])
    shows: dict[str, Show] = {
        **({size.name: whole} if size else {}),
        **dict.fromkeys((loss, "SD over seeds"), decimals(4)),
        **dict.fromkeys(("Difference", "Interval from", "Interval to"), bound),
    }
    note = f"Differences are from the reference of the same scale, in {unit(question.endpoint)}."
    return Table("scales", frame, shows, note if found else "")


def laws(question: SweepConfig, runs: pd.DataFrame) -> Table | None:
    """The power law of each variant; None where none can be fitted."""
    size = extent(question, runs) if question.scales and question.confirm else None
    rows = list(_laws(question, runs, size)) if size else []
    if size is None or not rows:
        return None
    shows: dict[str, Show] = {
        "Floor E": decimals(4),
        "A": short,
        **dict.fromkeys(("Exponent α", "α from", "α to"), decimals(3)),
        **dict.fromkeys(("Misfit", "SD over seeds"), decimals(4)),
    }
    note = LAW.format(x=size.name[:1].lower() + size.name[1:])
    return Table("laws", pd.DataFrame(rows), shows, note)


def whether_signs_hold(question: SweepConfig, verdicts: Sequence[Verdict]) -> list[str]:
    """A sentence a contrast: whether it has one sign at all scales."""
    if not question.scales:
        return []
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for v in verdicts:
        if v.weights and v.kind != "undefined" and v.scale is not None:
            found.setdefault(_named(question, v), {})[v.scale] = (v.low, v.high)
    return [
        _said(name, signs(intervals), quantity(question.endpoint))
        for name, intervals in found.items()
        if len(intervals) > 1
    ]


def _said(name: str, found: Signs, what: str) -> str:
    """`rope − learned has the same sign at every scale: the test loss is lower at small, large.`"""
    shown = [
        f"{word} at {listed(places)}"
        for word, places in (("lower", found.below), ("higher", found.above))
        if places
    ]
    match found.kind:
        case "holds":
            return f"{name} has the same sign at every scale: the {what} is {shown[0]}."
        case "changes":
            rest = f", and not settled at {listed(found.open)}" if found.open else ""
            return f"{name} changes its sign with scale: the {what} is {' and '.join(shown)}{rest}."
        case "open" if shown:
            return (
                f"Whether {name} has the same sign at every scale is open: the {what} is "
                f"{shown[0]}, and not settled at {listed(found.open)}."
            )
        case _:
            return (
                f"Whether {name} has the same sign at every scale is open: no interval leaves out "
                "0 at any of them."
            )


def _laws(
    question: SweepConfig, runs: pd.DataFrame, size: Extent
) -> Iterator[Mapping[str, object]]:
    for variant in dict.fromkeys(map(question.variant_of, question.arms)):
        law = law_of(question, runs, variant, size)
        if law is None:
            continue
        arms, losses = losses_of(question, runs, variant)
        why = misfit(law, losses)
        sizes = [size.of[arm] for arm in arms]
        low, high = (None if why else exponent_interval(sizes, losses)) or (None, None)
        yield {
            "Variant": variant,
            "Floor E": law.floor,
            "A": law.scale,
            "Exponent α": law.exponent,
            "α from": low,
            "α to": high,
            "Misfit": law.residual_sd,
            "SD over seeds": seed_sd(losses),
            "Fit": f"does not fit: {why}" if why else "fits",
        }


def _is_with_reference(question: SweepConfig, verdict: Verdict) -> bool:
    return verdict.effect == "pair" and verdict.reference == question.reference_of(verdict.variant)


def _named(question: SweepConfig, verdict: Verdict) -> str:
    """What a contrast is called at every scale."""
    if verdict.effect == "pair":
        sides = (question.variant_of(arm) for arm in (verdict.variant, verdict.reference))
        return " − ".join(sides)
    return verdict.name.removesuffix(f" @ {verdict.scale}")
