"""A figure as files and on the page: for paper, and in the colours of what is around it."""

from lab.report.figures.drawing import draw
from lab.report.figures.style import INK, blank, paper


def test_a_drawing_is_for_paper_and_for_the_page():
    with paper():
        figure = blank(3.3, 2)
        figure.subplots().plot([0, 1], [0, 1], color=INK)
    made = draw("curves", figure, "A line.")
    assert made.svg.startswith("<svg")
    assert "var(" not in made.svg
    assert f"var(--figure-ink, {INK})" in made.inline
    assert made.png.startswith(b"\x89PNG")
    assert (made.name, made.caption, made.inches) == ("curves", "A line.", 3.3)
