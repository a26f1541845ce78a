"""What a cell says, how it looks, where it leads and what it is sorted by."""

import math

import pandas as pd

from lab.report.pages.cells import Cell, cells
from lab.report.tables.certificates import FAILED, HOLDS
from lab.report.tables.table import Table, decimals


def test_a_table_to_read_has_texts_and_marks():
    frame = pd.DataFrame({"What": ["a", "b"], "Holds": [HOLDS, FAILED]})
    assert cells(Table("t", frame)) == [
        [Cell("What"), Cell("Holds")],
        [Cell("a"), Cell(HOLDS, "yes")],
        [Cell("b"), Cell(FAILED, "no")],
    ]
    assert [row[0].text for row in cells(Table("t", frame, upright=True))] == ["What", "Holds"]


def test_a_table_to_sort_has_keys_links_and_looks():
    frame = pd.DataFrame(
        {"Run": ["a", "b"], "Loss": [1.23456789012, math.nan], "Status": ["failed", "complete"],
         "Package": [None, "b"]}
    )  # fmt: skip
    header, first, second = cells(
        Table(
            "t",
            frame,
            {"Loss": decimals(2)},
            sortable=True,
            links={"Package": [None, "../b/"]},
            looks={"Status": "word"},
        )
    )
    assert header[2] == Cell("Status", "word")
    coded = cells(Table("t", frame, sortable=True, looks={"Status": "code"}))
    assert (coded[0][2].look, coded[1][2].look) == ("word", "code no")  # a header is no code
    assert first == [
        Cell("a", "", "a"),
        Cell("1.23", "", "1.23456789"),
        Cell("failed", "word no", "failed"),
        Cell("–"),
    ]
    assert second[1] == Cell("–")  # sorted last, for it has no key
    assert second[3] == Cell("b", "", "b", "../b/")
