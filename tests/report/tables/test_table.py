"""Raw values for programs, shown ones for people."""

import csv
import io
import json
import math

import numpy as np
import pandas as pd
import pytest

from lab.report.tables import table
from lab.report.tables.table import Table, plain
from lab.report.terms import change


def test_cells_are_shown_and_missing_ones_are_dashes():
    frame = pd.DataFrame({"Name": ["a", "b"], "Share": [0.25, math.nan]})
    made = Table("t", frame, {"Share": table.share})
    assert made.cells() == [["Name", "Share"], ["a", "25 %"], ["b", "–"]]
    assert Table("t", frame, {"Share": table.share}, upright=True).cells() == [
        ["Name", "a", "b"],
        ["Share", "25 %", "–"],
    ]


def test_plain_values_are_json():
    value = {"a": (1, np.int64(2)), "b": [math.nan, -math.inf, np.float64(0.5)], "c": pd.NA}
    value |= {"d": np.bool_(True), "e": None, "f": "text"}
    assert json.dumps(plain(value)) == (
        '{"a": [1, 2], "b": [null, null, 0.5], "c": null, "d": true, "e": null, "f": "text"}'
    )
    frame = pd.DataFrame({"n": pd.array([1, None], dtype="Int64")})
    assert Table("t", frame).plain() == [{"n": 1}, {"n": None}]


@pytest.mark.parametrize(
    ("show", "value", "text"),
    [
        (table.whole, 1234567.0, "1,234,567"),
        (change, -0.0725, "−7.2 %"),
        (change, 0.0, "the same"),
        (change, 0.5, "+50.0 %"),
        (table.decimals(3), -0.12345, "−0.123"),
        (table.short, 66.17, "66.2"),
        (table.probability, 0.03125, "0.031"),
        (table.probability, 1e-7, "< 0.0001"),
        (table.megabytes, 412e6, "412 MB"),
        (table.seconds, 12.34, "12.3 s"),
        (table.seconds, 6000, "100.0 min"),
        (table.bound, -0.2344, "−0.234"),
        (table.bound, -0.0001, "0.000"),
    ],
)
def test_numbers_for_people(show, value, text):
    assert show(value) == text


def test_a_file_has_raw_values():
    frame = pd.DataFrame(
        {
            "A, B": ["x\ny", 'q"'],
            "Share": [0.1 + 0.2, math.nan],
            "N": pd.array([1, None], dtype="Int64"),
        }
    )
    made = Table("t", frame, {"Share": table.share}, upright=True)
    header, *rows = csv.reader(io.StringIO(made.csv()))
    assert header == ["A, B", "Share", "N"]
    assert rows == [["x\ny", "0.30000000000000004", "1"], ['q"', "", ""]]
