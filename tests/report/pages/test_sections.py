"""Sections have what there is, and nothing stands empty."""

import pandas as pd
import pytest

from lab.report.figures.drawing import Drawing
from lab.report.pages.outline import of_comparison, of_search
from lab.report.pages.sections import Content, Outline, Part, Section, filled
from lab.report.tables.table import Table

TABLE = Table("runs", pd.DataFrame({"Run": ["a"]}))
DRAWING = Drawing("curves", "<svg/>", "<svg/>", b"", "Curves.", 3.3)


def content(**parts):
    empty = {"texts": {}, "tables": {}, "figures": {}, "words": (), "commands": ()}
    return Content(**{**empty, **parts})


def test_parts_come_in_the_outlines_order():
    outline = [Outline("one", "One", ["figure curves", "text why", "list all", "table runs"])]
    given = content(
        texts={"why": ["A.", "B."], "all": ["C."]},
        tables={"runs": TABLE},
        figures={"curves": DRAWING},
    )
    assert filled(outline, given) == [
        Section(
            "one",
            "One",
            [
                Part("figure", DRAWING),
                Part("text", "A."),
                Part("text", "B."),
                Part("list", ["C."]),
                Part("table", TABLE),
            ],
        )
    ]


def test_a_heading_with_nothing_below_it_is_left_out():
    inner = Outline("in", "In", ["table runs"])
    outline = [Outline("one", "One", [inner, "figure curves"]), Outline("two", "Two", ["text why"])]
    assert filled(outline, content()) == []
    (section,) = filled(outline, content(figures={"curves": DRAWING}))
    assert section.parts == [Part("figure", DRAWING)]


@pytest.mark.parametrize(("folded", "kind"), [(True, "folded"), (False, "group")])
def test_sections_within_sections(folded, kind):
    outline = [Outline("one", "One", [Outline("in", "In", ["table runs"], folded=folded)])]
    (section,) = filled(outline, content(tables={"runs": TABLE}))
    assert section.parts == [Part(kind, Section("in", "In", [Part("table", TABLE)]))]


def test_what_is_no_part_of_a_report_is_a_mistake():
    with pytest.raises(AssertionError, match="'picture me' is no part of a report"):
        filled([Outline("one", "One", ["picture me"])], content())


@pytest.mark.parametrize("outline", [of_comparison(compares=True), of_search(front=False)])
def test_names_are_used_once(outline):
    names, items = [], []

    def walk(each):
        names.append(each.name)
        for item in each.items:
            if isinstance(item, Outline):
                walk(item)
            else:
                items.append(item)

    for each in outline:
        walk(each)
    assert len(names) == len({*names})
    assert len(items) == len({*items})
