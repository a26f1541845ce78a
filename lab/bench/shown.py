"""A benchmark as tables, one a section."""

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lab.bench.record import Part, Record, Row
from lab.bench.spread import Spread
from lab.bench.units import large, rate, ratio, share, times

NAME, WIDE = 26, 100  # characters of a name, and of a terminal that has room for rates
AHEAD, BEHIND = 0.98, 1.02  # ratios below and above which a colour says so


def head(record: Record) -> Text:
    """Where and how it was measured."""
    machine = record.machine
    load = ", ".join(f"{value:.1f}" for value in record.load)
    threads = "1 thread" if record.threads == 1 else f"{record.threads} threads"
    return Text(
        f"{machine.get('processor')}, {record.device}, {threads}, torch {machine.get('torch')}; "
        f"{record.mode}, load {load or 'unknown'}"
    )


def tables(part: Part, *, width: int) -> RenderableType:
    """What a section measured, its peers each on a line of its own; notes below it."""
    columns = {
        "ours / theirs": any(row.ratios for row in part.rows),
        "a second": width >= WIDE and any(row.rate for row in part.rows),
        "of matmul": any(row.share for row in part.rows),
    }
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(min_width=NAME)
    for heading in ("median (quartiles)", *(name for name, told in columns.items() if told)):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in part.rows:
        for cells in _lines(row):
            told = zip(cells[2:], columns.values(), strict=True)
            table.add_row(*cells[:2], *(cell for cell, is_told in told if is_told))
    said = [Text(f"{row.name}: {_values(row)}", "dim") for row in part.rows if row.values]
    notes = dict.fromkeys(note for row in part.rows if (note := _note(row)))
    warnings = [Text(note, "yellow") for note in [*notes, *part.notes]]
    return Group(Text(part.title, "bold"), *([table] if table.rows else []), *said, *warnings)


def _lines(row: Row) -> list[tuple[Text, ...]]:
    """Name and time, ratio, rate and share: ours, and below it each peer's."""
    if row.ours is None:
        return []
    ours = (row.name, times(row.ours), "", rate(row), share(row.share))
    theirs = [
        (
            Text(f"  {peer}", "dim"),
            Text(times(row.peers[peer]), "dim"),
            _ratio(found),
            Text(),
            Text(),
        )
        for peer, found in row.ratios.items()
    ]
    return [tuple(map(Text, ours)), *theirs]


def _ratio(found: Spread) -> Text:
    colour = "green" if found.median < AHEAD else "red" if found.median > BEHIND else ""
    return Text(ratio(found), colour)


def _note(row: Row) -> str | None:
    return None if row.note is None else f"{row.name}: {row.note}"


def _values(row: Row) -> str:
    return "; ".join(f"{name} {_value(value)}" for name, value in row.values.items())


def _value(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1e3 else large(value).strip()
