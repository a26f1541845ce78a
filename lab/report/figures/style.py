"""How figures look, and how they become bytes that do not change from one day to the next.

Design choices:
- the palette begins as Okabe and Ito's (2008), which the colour-blind tell apart; each colour has a
  contrast of 3 to 1 or more with a white page and with a dark one (WCAG 2.2, 1.4.11);
- black for the reference, and the same colour for a variant in every figure and at every scale;
- files are for white paper; on a page, ink, greys and ground become variables that it may set;
- sizes are those of a paper: 3.3 inches for a column, 6.9 for a page;
- text becomes paths and no date is written, so a figure looks the same everywhere and equal
  numbers give equal bytes.
"""

import io
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lab.config.sweep import SweepConfig

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN, PAGE = 3.3, 6.9  # inches
INK, FAINT, GRID = "#222222", "#6b6b6b", "#e4e4e4"
WHITE, RED = "#ffffff", "#cf3a3a"
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#964B96", "#9678D2", "#B44B3C")
VARIABLES = {INK: "ink", FAINT: "faint", GRID: "grid", WHITE: "page"}  # --figure-…
MARKERS = ("o", "s", "^", "D", "v", "p", "<", ">")  # none like the crosses of lost trials
FLOOR = "best possible"
FLOOR_LOOK: dict[str, Any] = {
    "color": FAINT,
    "ls": (0, (5, 2)),
    "lw": 1.0,
    "label": FLOOR,
    "zorder": 1.5,
}
RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "lines.solid_capstyle": "round",
    "text.color": INK,
    "svg.fonttype": "path",
    "mathtext.fontset": "dejavusans",
}


@contextmanager
def paper() -> Iterator[None]:
    """Figures made inside look as they should; outside, nothing is changed."""
    import matplotlib as mpl

    with mpl.rc_context(RC):
        yield


def blank(width: float, height: float) -> "Figure":
    """An empty figure, tied to no window and no global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def looks(question: SweepConfig) -> dict[str, dict[str, Any]]:
    """Colour, marker and line of every arm and twin; a reference is black, and dashed beside
    others, its twin grey.

    A variant looks the same at every scale. Where the palette begins again, lines are broken.
    """
    dashed: Any = (0, (3, 1.6))
    reference = question.variant_of(question.reference)
    found = {reference: {"color": INK, "marker": MARKERS[0], "ls": "-"}}
    others = dict.fromkeys(question.variant_of(arm) for arm in question.comparisons)
    for index, name in enumerate(others):
        found[name] = {
            "color": PALETTE[index % len(PALETTE)],
            "marker": MARKERS[(index + 1) % len(MARKERS)],
            "ls": "-" if index < len(PALETTE) else "-.",
        }
    if others:
        found[reference]["ls"] = dashed
    twin = {"color": FAINT, "marker": MARKERS[0], "ls": dashed}
    of_arms = {arm: found[question.variant_of(arm)] for arm in question.arms}
    return of_arms | dict.fromkeys(question.twins, twin)


def literal(text: str, *, most: int = 40) -> str:
    """A text from outside as matplotlib shows it unchanged: one line, no formulas, and what is
    too long without its middle."""
    line = " ".join(text.split())
    if len(line) > most:
        line = f"{line[: most // 2]}…{line[most // 2 + 1 - most :]}"
    return line.replace("$", r"\$")


def legend(figure: "Figure", axes: "Axes", *, order: Sequence[str]) -> None:
    """One legend above all panels, where it can cover nothing; the figure grows by its rows."""
    found = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    found = {name: found[name] for name in order if name in found}
    columns = _columns([len(name) for name in found], room=figure.get_figwidth() * 13)
    rows = math.ceil(len(found) / columns)
    figure.set_figheight(figure.get_figheight() + 0.17 * (rows - 1))
    figure.legend(
        found.values(),
        found.keys(),
        loc="outside upper left",
        ncols=columns,
        handlelength=2,
        columnspacing=1.6,
        borderpad=0,
    )


def _columns(lengths: Sequence[int], *, room: float) -> int:
    """The most columns, filled one after the other as matplotlib does, that fit in the room."""
    for columns in range(len(lengths), 1, -1):
        size, more = divmod(len(lengths), columns)
        ends = [n * size + min(n, more) for n in range(columns + 1)]
        widths = (max(lengths[a:b]) + 5 for a, b in pairwise(ends))
        if sum(widths) <= room:  # with the line before each name
            return columns
    return 1


def svg(figure: "Figure", *, name: str) -> str:
    """The figure as an `<svg>` element whose ids begin with `name`: several fit on one page."""
    content = io.StringIO()
    with _drawing({"svg.hashsalt": name}):
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    text = content.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)


def themed(drawing: str) -> str:
    """An `<svg>` for a page that may set `--figure-ink`, `-faint`, `-grid` and `-page`: the colours
    of text, of what is beside the point, of rules, of the ground. As it was where none is set."""
    known = "|".join(VARIABLES)
    return re.sub(
        rf"(?<=: )(?:{known})\b",
        lambda found: f"var(--figure-{VARIABLES[found[0]]}, {found[0]})",
        drawing,
    )


def png(figure: "Figure") -> bytes:
    content = io.BytesIO()
    with _drawing({}):
        figure.savefig(content, format="png", dpi=200, metadata={"Software": None})
    return content.getvalue()


@contextmanager
def _drawing(more: dict[str, Any]) -> Iterator[None]:
    """A label in a script that the font does not have is drawn as boxes, without a word."""
    import matplotlib as mpl

    with mpl.rc_context(RC | more), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield
