"""What the figures of a comparison share: which arms stand together, and what runs came through."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from lab.config.contrasts import Contrast
from lab.config.sweep import SweepConfig
from lab.report.collect import Sweep
from lab.report.figures.style import INK, PALETTE, looks
from lab.report.tables.finished import finished

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def by_scale(question: SweepConfig) -> dict[str | None, list[str]]:
    """The arms of every scale; of the scale None where there is one only."""
    found: dict[str | None, list[str]] = {}
    for arm in question.arms:
        found.setdefault(question.scale_of(arm), []).append(arm)
    return found


def drawn_in_order(question: SweepConfig, arms: Sequence[str]) -> list[str]:
    """References last, so that their dashes lie on top."""
    return sorted(arms, key=lambda arm: arm == question.reference_of(arm))


def names_of(question: SweepConfig) -> list[str]:
    """The variants as a legend has them: once, whatever the number of scales."""
    return list(dict.fromkeys(question.variant_of(arm) for arm in question.arms))


def curve(sweep: Sweep, run: str, metric: str) -> pd.Series:
    """A metric of one run by training tokens, where it was measured; empty where it never was."""
    rows = sweep.curve(run)
    if metric not in rows:
        return pd.Series(dtype="float64")
    rows = rows[rows[metric].notna()]
    return pd.Series(rows[metric].to_numpy(), index=rows["tokens"].to_numpy())


def curves_of(sweep: Sweep, runs: pd.DataFrame, arm: str) -> pd.DataFrame:
    """The tuning metric of an arm's finished runs: a row a number of tokens, a column a seed.

    Only where all of them were measured.
    """
    done = finished(sweep.question, runs)
    done = done[done["variant"] == arm]
    pairs = zip(done["seed"].astype(int), done["run"], strict=True)
    found = {seed: curve(sweep, run, sweep.question.tuning_metric) for seed, run in pairs}
    found = {seed: line for seed, line in found.items() if len(line)}
    return pd.DataFrame(found).dropna()


def grid(
    figure: "Figure", n: int, *, columns: int, sharey: bool = False
) -> tuple[list["Axes"], list["Axes"]]:
    """n panels, row by row, and those of them that stand at the left; no empty ones."""
    found = figure.subplots(math.ceil(n / columns), columns, squeeze=False, sharey=sharey)
    panels = list(found.flatten())
    for axes in panels[n:]:
        axes.remove()
    return panels[:n], panels[:n:columns]


def fit_height(axes: "Axes", values: npt.ArrayLike, *, room: float = 0.06) -> None:
    """The height that these values need, and a little room."""
    low, high = (float(end(values)) for end in (np.min, np.max))
    more = room * (high - low) or 1e-3
    axes.set_ylim(low - more, high + more)


def label(question: SweepConfig, contrast: Contrast) -> str:
    """What a contrast is called where its scale is said beside it: `rope` against the reference,
    `rope − alibi`, `norm: rmsnorm − layernorm`."""
    if contrast.effect not in ("pair", "twin"):
        return contrast.name.removesuffix(f" @ {contrast.scale}")
    a, b = question.variant_of(contrast.a), question.variant_of(contrast.b)
    return a if contrast.b == question.references[contrast.scale] else f"{a} − {b}"


def colour_of(question: SweepConfig, contrast: Contrast, *, number: int | None = None) -> str:
    """The variant's where it is compared with the reference, else that of ink, or by its number."""
    if contrast.b == question.references[contrast.scale]:
        return str(looks(question)[contrast.a]["color"])
    return INK if number is None else PALETTE[number % len(PALETTE)]
