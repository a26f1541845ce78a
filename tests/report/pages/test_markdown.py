"""Nothing in a text can become markup."""

import pandas as pd
import pytest
from markupsafe import Markup

from lab.report.figures.drawing import Drawing
from lab.report.pages import markdown
from lab.report.tables.table import Table


@pytest.mark.parametrize(
    ("raw", "escaped"),
    [
        ("plain text, 1.5 (95 %)", "plain text, 1.5 (95 %)"),
        ("a|b", r"a\|b"),
        ("d_z *x* `y`", r"d\_z \*x\* \`y\`"),
        ("<script>&", "&lt;script&gt;&amp;"),
        ("[a](b)", r"\[a\](b)"),
        ("two\nlines\r\n# head", r"two lines \# head"),
        ("back\\slash", r"back\\slash"),
    ],
)
def test_text(raw, escaped):
    assert markdown.text(raw) == escaped


def test_markup_and_numbers_pass():
    assert markdown.text(Markup("*a*")) == "*a*"
    assert markdown.text(3) == 3


def test_a_table():
    frame = pd.DataFrame({"A|B": ["x_y"], "N": [1]})
    made = markdown.table(Table("t", frame, note="a < b"))
    assert made == "| A\\|B | N |\n| :-- | --: |\n| x\\_y | 1 |\n\na &lt; b\n"
    assert "| :-- | :-- |" in markdown.table(Table("t", frame, prose=True))


def test_code_cannot_end_early():
    assert markdown.code("a ```\nb") == "    a ```\n    b"


def test_a_long_table_is_named_and_not_shown():
    short, long = (pd.DataFrame({"N": range(n)}) for n in (markdown.MOST, markdown.MOST + 1))
    assert markdown.table(Table("t", short)).count("\n") == markdown.MOST + 2
    assert markdown.table(Table("t", long)) == "101 rows, in [tables/t.csv](tables/t.csv).\n"


def test_links_lead_and_commands_can_be_copied():
    frame = pd.DataFrame({"Run": ["a_b", "c"], "Package": ["a_b", None], "Type": ["x_y", "a`|b"]})
    made = Table(
        "t", frame, sortable=True, links={"Package": ["../a_b/", None]}, looks={"Type": "code"}
    )
    assert markdown.table(made).splitlines()[0] == "| Run | Package | Type |"
    assert markdown.table(made).splitlines()[2:] == [
        r"| a\_b | [a\_b](../a_b/) | `x_y` |",
        r"| c | – | a\`\|b |",
    ]


def test_a_figure_has_its_caption_twice():
    drawing = Drawing("curves", "<svg/>", "<svg/>", b"", "Mean *of* seeds.", 6.9)
    assert markdown.figure(drawing) == (
        "![Mean \\*of\\* seeds.](curves.png)\n\n*Mean \\*of\\* seeds.*\n"
    )
