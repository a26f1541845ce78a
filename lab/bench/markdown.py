"""A benchmark as the table that the README holds between its markers."""

from lab.bench.record import Record, Row
from lab.bench.spread import Spread
from lab.bench.units import ratio, share, time

BEGIN, END = "<!-- bench -->\n", "<!-- /bench -->"
COLUMNS = ("what", "", "ours", "theirs", "ours / theirs", "of matmul")


def filled(text: str, record: Record) -> str:
    """A text with that table between its markers, whatever stood there."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin, "there is no place for it"
    assert end, "the place for it has no end"
    return before + begin + markdown(record) + end + after


def markdown(record: Record) -> str:
    """The headlines: a line a peer, and one for a row without any."""
    machine = record.machine
    threads = "one thread" if record.threads == 1 else f"{record.threads} threads"
    where = f"{machine.get('processor')}, {threads}, torch {machine.get('torch')}"
    if transformers := machine.get("transformers"):
        where += f", transformers {transformers}"
    lines = [f"| {' | '.join(COLUMNS)} |", "|---|---|---:|---|---:|---:|"]
    for part in record.parts:
        what = part.title
        for row in part.rows:
            if row.headline and row.ours is not None:
                lines += [f"| {' | '.join(cells)} |" for cells in _lines(row, row.ours, what)]
                what = ""
    lines += ["", f"{where}; medians, and the quartiles of the ratios in brackets."]
    unmeasured = [
        f"{part.title}, {row.name}: {row.note}."
        for part in record.parts
        for row in part.rows
        if row.headline and row.note is not None
    ]
    return "\n".join([*lines, *unmeasured]) + "\n"


def _lines(row: Row, ours: Spread, what: str) -> list[tuple[str, ...]]:
    """What was measured beside the first peer, and below it the others."""
    peers = [
        (f"{time(row.peers[peer].median)} {peer}", ratio(found))
        for peer, found in row.ratios.items()
    ] or [("", "")]
    mfu = f", MFU {100 * row.values['MFU']:.0f} %" if "MFU" in row.values else ""
    own = (what, row.name + mfu, time(ours.median))
    return [
        (*own, *peers[0], share(row.share)),
        *(("", "", "", *theirs, "") for theirs in peers[1:]),
    ]
