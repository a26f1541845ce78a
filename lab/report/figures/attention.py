"""Attention maps: what each head of each layer looks at, a row a layer and a column a head.

Design choices:
- all maps share one scale from 0 to 1, on which the square root of a weight is shown: a head that
  spreads over many tokens gives each little, and is to be seen as well as one that picks a token;
- what lies in the future is grey, so that causality shows;
- every token has its label as long as labels can be read, then every second, every third, ...
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lab.report.figures.style import FAINT, GRID, INK, blank, paper

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INCHES_A_TOKEN, SMALLEST, LARGEST = 0.095, 1.25, 40.0  # of a map; of all side by side
GAP = 0.06
MOST_LABELS, LONGEST = 48, 14
VISIBLE = {" ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍"}


def attention_maps(
    weights: "Sequence[npt.NDArray[Any]]",
    tokens: Sequence[str],
    *,
    layers: Sequence[int],
    heads: Sequence[int],
) -> "Figure":
    """`weights` (heads, T, T) of every layer; of `layers` and `heads`, counted from 0, a map each.

    `tokens` are the texts of the T tokens, a query's in its row and a key's in its column.
    """
    labels = [visible(token) for token in tokens]
    longest = max(map(len, labels))
    side = max(SMALLEST, INCHES_A_TOKEN * min(len(labels), MOST_LABELS))
    side = min(side, LARGEST / max(len(layers), len(heads)))
    wide, high = len(heads) * (side + GAP), len(layers) * (side + GAP)
    around = 0.055 * longest  # labels; then titles, and on the right the colour bar
    with paper():
        figure = blank(wide + around + 1.0, high + around + 0.5)
        engine: Any = figure.get_layout_engine()
        engine.set(w_pad=GAP / 2, h_pad=GAP / 2, wspace=0, hspace=0)
        grid = figure.subplots(len(layers), len(heads), squeeze=False, sharex=True, sharey=True)
        for row, layer in zip(grid, layers, strict=True):
            for axes, head in zip(row, heads, strict=True):
                image = _map(axes, weights[layer][head])
            row[0].set_ylabel(f"layer {layer + 1}", color=INK, fontweight="bold")
        for axes, head in zip(grid[0], heads, strict=True):
            axes.set_title(f"head {head + 1}", loc="center")
        _label(grid[0][0], labels, side=side)
        figure.supxlabel("looked at", fontsize=8, color=INK)
        bar = figure.colorbar(
            image, ax=grid, shrink=min(1.0, 2.2 / figure.get_figheight()), aspect=18
        )
        bar.set_ticks([0, 0.01, 0.1, 0.25, 0.5, 1], labels=["0", ".01", ".1", ".25", ".5", "1"])
        bar.outline.set_visible(False)
        bar.set_label("attention weight")
    return figure


def visible(token: str) -> str:
    """A token's text with white space to be seen, and by number what the font does not have;
    one that is too long without its end."""
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    shown = (VISIBLE.get(letter, letter) for letter in token)
    known = (x if font.get_char_index(ord(x)) and x.isprintable() else f"{ord(x):X}" for x in shown)
    text = "".join(known)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _map(axes: "Axes", weights: "npt.NDArray[Any]") -> Any:
    import numpy as np
    from matplotlib.colors import PowerNorm

    future = np.triu(np.ones(weights.shape, dtype=bool), k=1)
    shown = np.ma.masked_array(weights, mask=future)
    axes.grid(visible=False)
    axes.set_facecolor(GRID)
    axes.tick_params(length=0, pad=1.5)
    for spine in axes.spines.values():
        spine.set(visible=True, color=FAINT, linewidth=0.4)
    return axes.imshow(shown, cmap="Blues", norm=PowerNorm(0.5, 0, 1), interpolation="nearest")


def _label(axes: "Axes", labels: Sequence[str], *, side: float) -> None:
    """Shared by all maps, in points that fit into a map's `side`."""
    every = math.ceil(len(labels) / MOST_LABELS)
    places = range(0, len(labels), every)
    shown = [label.replace("$", r"\$") for label in labels[::every]]  # no formulas
    size = max(3.5, min(6.5, 0.85 * 72 * side / len(shown)))
    axes.set_xticks(places, shown)
    axes.set_yticks(places, shown)
    upright = max(map(len, labels)) == 1
    for each in axes.figure.axes:
        each.tick_params(axis="both", labelsize=size)
        each.tick_params(axis="x", labelrotation=0 if upright else 90)
