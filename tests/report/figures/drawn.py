"""What was drawn, read back from the axes."""

from typing import Any

import numpy as np


def lines(axes: Any) -> dict[str, Any]:
    """By label, those that have one."""
    found = {line.get_label(): line for line in axes.get_lines()}
    return {label: line for label, line in found.items() if not label.startswith("_")}


def marked(axes: Any, marker: Any) -> list[Any]:
    return [line for line in axes.get_lines() if line.get_marker() == marker]


def band(axes: Any, number: int = 0) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The lower and the upper edge of a filled band, from left to right."""
    outline = axes.collections[number].get_paths()[0].vertices
    places = np.unique(outline[:, 0])
    heights = [outline[outline[:, 0] == x, 1] for x in places]
    return np.array([h.min() for h in heights]), np.array([h.max() for h in heights])


def words(figure: Any) -> list[str]:
    """Of the legend."""
    return [text.get_text() for text in figure.legends[0].get_texts()] if figure.legends else []
