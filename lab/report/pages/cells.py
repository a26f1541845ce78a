"""A table as the page shows it: what each cell says, how it looks, what it is sorted by."""

from typing import Any, NamedTuple

from lab.report.tables.certificates import FAILED, HOLDS
from lab.report.tables.table import Table, plain

MARKS = {HOLDS: "yes", FAILED: "no", "diverged": "no", "failed": "no"}


class Cell(NamedTuple):
    """`look`: a class of the page's style, or none; `key`: the number that the text rounds."""

    text: str
    look: str = ""
    key: str = ""
    href: str | None = None


def cells(table: Table) -> list[list[Cell]]:
    """Header row first; the first cell of every row names it."""
    header, *rows = table.cells()
    found = [[Cell(name, "word" if name in table.looks else "") for name in header]]  # is no code
    if not table.sortable:
        return found + [[Cell(text, MARKS.get(text, "")) for text in row] for row in rows]
    values = table.frame.itertuples(index=False)
    links = [table.links.get(name) for name in header]
    for place, (row, raw) in enumerate(zip(rows, values, strict=True)):
        hrefs = (column[place] if column else None for column in links)
        looks = (
            f"{table.looks.get(name, '')} {MARKS.get(text, '')}".strip()
            for name, text in zip(header, row, strict=True)
        )
        found.append(
            [Cell(*each) for each in zip(row, looks, map(_key, row, raw), hrefs, strict=True)]
        )
    return found


def _key(text: str, value: Any) -> str:
    value = plain(value)
    if value is None:
        return ""
    return f"{value:.9g}" if isinstance(value, int | float) else text
