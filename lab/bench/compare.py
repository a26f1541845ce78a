"""Two benchmarks side by side: what became faster, what slower, and what only seems so.

Design choices:
- a change counts where the middle halves of what was measured have nothing in common; what was
  measured once has no halves;
- seconds change with the machine and with what else it does; the ratio to a peer that was measured
  in turn does not, so it stands beside them, and counts by the same rule.
"""

from dataclasses import dataclass
from typing import Literal

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lab.bench.record import Key, Record, Row
from lab.bench.units import time

Change = Literal["faster", "slower", "as before", "once"]
SAME = ("processor", "torch", "python")  # facts without which seconds are no comparison
COLOURS = {"faster": "green", "slower": "red", "as before": "dim", "once": "dim"}


@dataclass(frozen=True)
class Compared:
    """A row of both; `ratio` is the second's median to the first's, `to_peers` the change of the
    ratio to the first peer that both have, and what it says."""

    section: str
    name: str
    first: float
    second: float
    ratio: float
    change: Change
    peer: str | None = None
    to_peers: tuple[float, float] | None = None
    peer_change: Change | None = None


def compared(first: Record, second: Record) -> list[Compared]:
    """Rows that both have measured, in the order of the second."""
    before = first.rows()
    return [
        found
        for key, row in second.rows().items()
        if key in before and (found := _compared(key[0], before[key], row)) is not None
    ]


def only_in(first: Record, second: Record) -> tuple[list[str], list[str]]:
    """Rows that only one of them has measured."""
    a, b = ({key for key, row in r.rows().items() if row.ours} for r in (first, second))
    return _names(a - b), _names(b - a)


def differences(first: Record, second: Record) -> list[str]:
    """What makes the seconds of two benchmarks no comparison, a sentence each."""
    found = [
        f"{name} differs: {first.machine.get(name)} and {second.machine.get(name)}"
        for name in SAME
        if first.machine.get(name) != second.machine.get(name)
    ]
    for name in ("device", "threads", "mode"):
        a, b = getattr(first, name), getattr(second, name)
        if a != b:
            found.append(f"{name} differs: {a} and {b}")
    return found


def comparison(first: Record, second: Record) -> RenderableType:
    rows = compared(first, second)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("", min_width=26)
    for heading in ("first", "second", "change", "ours / theirs"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            f"{row.section}: {row.name}",
            time(row.first),
            time(row.second),
            Text(f"{row.ratio:.2f} {row.change}", COLOURS[row.change]),
            _to_peers(row),
        )
    changes = [row.change for row in rows]
    told = f"{len(rows)} rows: {changes.count('faster')} faster, {changes.count('slower')} slower"
    notes = [Text(f"warning: {why}", "yellow") for why in differences(first, second)]
    for which, names in zip(("first", "second"), only_in(first, second), strict=True):
        if names:
            notes.append(Text(f"only in the {which}: {', '.join(names)}", "dim"))
    return Group(table, Text(told), *notes)


def _compared(section: str, before: Row, after: Row) -> Compared | None:
    if before.ours is None or after.ours is None:
        return None
    change = _change(before.ours.median, after.ours.median, before.ours.apart_from(after.ours))
    if min(before.rounds, after.rounds) < 2:
        change = "once"
    ratio = after.ours.median / before.ours.median
    found = (section, after.name, before.ours.median, after.ours.median, ratio, change)
    peer = next((peer for peer in before.ratios if peer in after.ratios), None)
    if peer is None:
        return Compared(*found)
    a, b = before.ratios[peer], after.ratios[peer]
    to_peers = (a.median, b.median)
    return Compared(*found, peer, to_peers, _change(*to_peers, a.apart_from(b)))


def _change(before: float, after: float, is_apart: bool) -> Change:
    if not is_apart:
        return "as before"
    return "faster" if after < before else "slower"


def _to_peers(row: Compared) -> Text:
    if row.to_peers is None or row.peer_change is None:
        return Text("")
    before, after = row.to_peers
    return Text(f"{before:.2f} → {after:.2f}", COLOURS[row.peer_change])


def _names(keys: set[Key]) -> list[str]:
    return sorted(f"{section}: {name}" for section, name, _ in keys)
