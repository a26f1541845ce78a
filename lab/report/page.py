"""The report: one page to read, one for a repository, one for a program, and every number as CSV.

Design choices:
- `index.html` needs nothing beside it: figures, style and the little script are in it;
- every text from outside (names, errors, questions) is escaped, in HTML and in Markdown;
- nothing says when the report was made: equal results give equal bytes;
- `index.html` is written last, so that whoever finds it finds the rest.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from lab.config.sweep import SweepConfig
from lab.files import write_bytes, write_json, write_text
from lab.report.collect import open_sweep, write_results
from lab.report.content import figures_of, tables_of, texts_of, tried_of
from lab.report.figures.captions import captions
from lab.report.figures.drawing import draw
from lab.report.judging.ended import goes_on
from lab.report.judging.verdict import Verdict
from lab.report.pages.commands import commands
from lab.report.pages.glossary import glossary
from lab.report.pages.outline import of_comparison, of_search
from lab.report.pages.render import Report, to_html, to_markdown
from lab.report.pages.sections import Content, filled
from lab.report.searches.part import is_waiting
from lab.report.searches.search import Search
from lab.report.snapshot import Snapshot, snapshot
from lab.report.tables import history
from lab.report.tables.data import data_part
from lab.report.tables.table import plain
from lab.report.terms import measure

SCHEMA = 2


def write_report(folder: str | Path) -> Path:
    """Write the folder `report`, results.csv and timing.csv; returns the path of the page."""
    sweep = snapshot(open_sweep(folder))
    write_results(sweep)
    report, target = _collect(sweep), sweep.folder / "report"
    drawings, tables = report.content.figures, report.content.tables
    for drawing in drawings.values():
        write_text(target / f"{drawing.name}.svg", drawing.svg)
        write_bytes(target / f"{drawing.name}.png", drawing.png)
    for table in tables.values():
        write_text(target / "tables" / f"{table.name}.csv", table.csv())
    _remove_earlier(target, figures=captions(sweep.question).keys() - drawings, tables=tables)
    write_json(target / "report.json", _machine_readable(report))
    write_text(target / "report.md", to_markdown(report))
    write_text(target / "index.html", to_html(report))
    return target / "index.html"


def _collect(sweep: Snapshot) -> Report:
    question, runs, verdicts = sweep.question, sweep.runs(), sweep.verdicts()
    search, tried = sweep.search(), tried_of(sweep)
    said, useful = captions(question), history.useful_share(sweep.timing())
    _, _, sources = data_part(question, sweep.records())
    content = Content(
        texts=texts_of(sweep),
        tables=tables_of(sweep),
        figures={
            name: draw(name, figure, said[name]) for name, figure in figures_of(sweep).items()
        },
        words=glossary(question),
        commands=commands(sweep),
    )
    outline = (
        of_search(front="front" in content.tables)
        if question.is_search
        else of_comparison(compares=bool(question.comparisons))
    )
    return Report(
        name=sweep.name,
        plan=str(sweep.plan.get("hash") or ""),
        question=question.question,
        measure=measure(question),
        verdicts=verdicts,
        controls=sweep.controls(),
        answer=tried.answer if tried else None,
        facts=tried.facts if tried else None,
        unfinished=is_unfinished(question, search, runs, verdicts),
        changes=history.changes(sweep.plan),
        useful=useful,
        sources=sources,
        content=content,
        sections=filled(outline, content),
    )


def is_unfinished(
    question: SweepConfig, search: Search | None, runs: pd.DataFrame, verdicts: Sequence[Verdict]
) -> bool:
    if question.is_search and search and is_waiting(question, search):
        return True
    if question.is_search and search and not search.complete:
        return goes_on(runs, ())  # there is nothing to confirm
    return goes_on(runs, verdicts)


def _remove_earlier(folder: Path, *, figures: Iterable[str], tables: Container[str]) -> None:
    """What an earlier report had: these figures, and all tables but these."""
    for name in figures:
        for suffix in ("svg", "png"):
            (folder / f"{name}.{suffix}").unlink(missing_ok=True)
    for path in (folder / "tables").glob("*.csv"):
        if path.stem not in tables:
            path.unlink()


def _machine_readable(report: Report) -> dict[str, Any]:
    """As `schema.ReportFile` describes it."""
    texts, tables = report.content.texts, report.content.tables
    return {
        "schema": SCHEMA,
        "sweep": report.name,
        "plan": report.plan,
        "question": report.question,
        "rule": " ".join(texts["rule"]),
        "unfinished": report.unfinished,
        "changes": list(report.changes),
        "verdicts": [plain(asdict(verdict)) for verdict in report.verdicts],
        "controls": [plain(asdict(verdict)) for verdict in report.controls],
        "limits": list(texts["limits"]),
        "fairness": list(texts["fairness"]),
        "spared": list(texts["plan"]),
        "certified": list(texts["certified"]),
        "data": {"says": list(texts["read"]), "sources": plain(report.sources)},
        "useful_share": plain(report.useful),
        "search": None if report.facts is None else dict(report.facts),
        "tables": {name: table.plain() for name, table in tables.items()},
        "figures": [
            {"name": name, "caption": drawing.caption}
            for name, drawing in report.content.figures.items()
        ],
    }
