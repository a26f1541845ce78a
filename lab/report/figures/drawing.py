"""A figure as it lies in a report: drawn, and said in words."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.report.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Drawing:
    """`svg` stands alone, `inline` takes its colours from the page around it."""

    name: str
    svg: str
    inline: str
    png: bytes
    caption: str
    inches: float  # how wide it is drawn


def draw(name: str, figure: "Figure", caption: str) -> Drawing:
    svg = style.svg(figure, name=name)
    return Drawing(name, svg, style.themed(svg), style.png(figure), caption, figure.get_figwidth())
