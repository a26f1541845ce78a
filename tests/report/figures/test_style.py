"""How figures look: colours that can be told apart on any page, and bytes that do not change."""

import re
import xml.etree.ElementTree as ET

import pytest

from lab.report.collect import open_sweep
from lab.report.figures import style
from lab.report.figures.forest import forest

DARK = "#17181a"  # of the page


def drawn(folder):
    sweep = open_sweep(folder)
    return forest(sweep.question, sweep.verdicts(), sweep.controls(), sweep.runs())


def luminance(colour):
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    r, g, b = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("page", ["#ffffff", DARK])
@pytest.mark.parametrize("colour", [*style.PALETTE, style.RED])
def test_colours_stand_out_on_light_and_dark(colour, page):
    dark, light = sorted((luminance(colour), luminance(page)))
    assert (light + 0.05) / (dark + 0.05) >= 3


def test_a_variant_keeps_its_look(question):
    found = style.looks(question)
    assert found["learned"]["color"] == style.INK
    assert found["learned-twin"]["color"] == style.FAINT
    arms = [found[arm] for arm in question.arms]
    assert len({look["color"] for look in arms}) == 3
    assert len({look["marker"] for look in arms}) == 3


def test_it_looks_the_same_at_every_scale(asking):
    question = asking(scales={"small": {}, "large": {"model.d_model": 96}})
    found = style.looks(question)
    for variant in question.variants:
        assert found[f"{variant}@small"] == found[f"{variant}@large"]
    assert found["learned@large"]["color"] == style.INK
    assert found["learned-twin@large"]["color"] == style.FAINT


def test_a_legend_has_as_few_rows_as_fit():
    def rows(lengths, room):
        columns = style._columns(lengths, room=room)
        return -(-len(lengths) // columns)

    assert rows([4, 5, 10, 4, 31], room=90) == 1  # one long name does not make all columns wide
    assert rows([4, 5, 10, 4, 31], room=62) == 2
    assert rows([40, 40, 40], room=30) == 3


def test_a_page_may_choose_ink_greys_and_ground(plain_sweep):
    plain = style.svg(drawn(plain_sweep), name="d")
    themed = style.themed(plain)
    assert "var(" not in plain
    for colour, name in style.VARIABLES.items():
        assert f": var(--figure-{name}, {colour})" in themed
        assert f": {colour}" not in themed
    assert re.sub(r"var\(--figure-\w+, (#\w+)\)", r"\1", themed) == plain
    ET.fromstring(themed)
    assert style.PALETTE[0].lower() in themed


def test_other_texts_are_left_alone():
    text = "<text>fill #222222</text><path style='fill: #2222221'/>"
    assert style.themed(text) == text


def test_bytes_do_not_change(plain_sweep):
    one, two = (drawn(plain_sweep) for _ in range(2))
    assert style.svg(one, name="d") == style.svg(two, name="d")
    assert style.png(one) == style.png(two)
    assert 'id="d-figure_1"' in style.svg(one, name="d")
    assert "<metadata" not in style.svg(one, name="d")


def test_global_settings_stay(plain_sweep):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    style.png(drawn(plain_sweep))
    assert dict(mpl.rcParams) == before
