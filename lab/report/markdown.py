"""Text, tables and figures as Markdown that shows them unchanged.

A value that is `Markup` is Markdown already; any other text is escaped.
"""

from typing import Any

from markupsafe import Markup

from lab.report.table import Table

SPECIAL = "\\`*_[]|#~"


def text(value: Any) -> Any:
    """One line of text without a character that Markdown or HTML would read as its own."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    line = " ".join(value.split())
    line = "".join(f"\\{c}" if c in SPECIAL else c for c in line)
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def table(table: Table) -> Markup:
    header, *rows = table.cells()
    rule = [":--", *[":--" if table.prose else "--:"] * (len(header) - 1)]
    lines = [_row(header), f"| {' | '.join(rule)} |", *(_row(row) for row in rows)]
    note = f"\n{text(table.note)}\n" if table.note else ""
    return Markup("\n".join(lines) + "\n" + note)


def figure(file: str, caption: str) -> Markup:
    return Markup(f"![{text(caption)}]({file})\n\n*{text(caption)}*\n")


def code(command: str) -> Markup:
    """An indented block, which no sequence of backticks can end."""
    return Markup("\n".join(f"    {line}" for line in command.splitlines()))


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(text(cell) for cell in cells)} |"
