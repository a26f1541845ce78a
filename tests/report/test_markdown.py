"""Nothing in a text can become markup."""

import pandas as pd
import pytest
from markupsafe import Markup

from lab.report import markdown
from lab.report.table import Table


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
