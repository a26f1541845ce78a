"""Text, tables and figures as Markdown that shows them unchanged.

A value that is `Markup` is Markdown already; any other text is escaped.
"""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from lab.report.figures.drawing import Drawing
from lab.report.pages.cells import Cell, cells
from lab.report.tables.table import Table

SPECIAL = "\\`*_[]|#~"
MOST = 100  # rows that a reader of Markdown can look through


def text(value: Any) -> Any:
    """One line of text without a character that Markdown or HTML would read as its own."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    line = " ".join(value.split())
    line = "".join(f"\\{c}" if c in SPECIAL else c for c in line)
    return Markup(line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def table(table: Table) -> Markup:
    """A table, or where its values are if it is long."""
    header, *rows = cells(table)
    if len(rows) > MOST:
        return Markup(
            f"{len(rows):,} rows, in [tables/{table.name}.csv](tables/{table.name}.csv).\n"
        )
    rule = [":--", *[":--" if table.prose else "--:"] * (len(header) - 1)]
    lines = [_row(header), f"| {' | '.join(rule)} |", *(_row(row) for row in rows)]
    note = f"\n{text(table.note)}\n" if table.note else ""
    return Markup("\n".join(lines) + "\n" + note)


def figure(drawing: Drawing) -> Markup:
    caption = text(drawing.caption)
    return Markup(f"![{caption}]({drawing.name}.png)\n\n*{caption}*\n")


def code(command: str) -> Markup:
    """An indented block, which no sequence of backticks can end."""
    return Markup("\n".join(f"    {line}" for line in command.splitlines()))


def _row(row: Sequence[Cell]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in row)} |"


def _cell(cell: Cell) -> str:
    if cell.look == "code" and not {*cell.text} & {*"`|\n"}:
        return f"`{cell.text}`"
    return f"[{text(cell.text)}]({cell.href})" if cell.href else str(text(cell.text))
