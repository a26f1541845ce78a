"""The report: one page to read, one for a repository, one for a program.

Design choices:
- `index.html` needs nothing beside it: figures and style are in it, and there are no scripts;
- every text from outside (names, errors, questions) is escaped, in HTML and in Markdown;
- nothing says when the report was made: equal results give equal bytes;
- `index.html` is written last, so that whoever finds it finds the rest.
"""

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lab.files import write_bytes, write_json, write_text
from lab.report import history, markdown, plots, style, tables
from lab.report.captions import captions
from lab.report.collect import Sweep, open_sweep, write_results
from lab.report.glossary import GLOSSARY
from lab.report.records import Record
from lab.report.table import Table, plain
from lab.report.verdict import Verdict
from lab.report.wording import quantity, unit

if TYPE_CHECKING:
    from jinja2 import Environment
    from matplotlib.figure import Figure

SCHEMA = 1
KINDS = {
    "decided": "Decided",
    "equivalent": "Equivalent",
    "undecided": "Undecided",
    "unstable": "Unstable",
    "unmeasured": "Not judged",
    "measured": "Measured",
}
TABLES = (
    "comparisons",
    "results",
    "tuning",
    "fairness",
    "budget",
    "counts",
    "mishaps",
    "provenance",
)
FIGURES = ("differences", "curves", "tuning")


@dataclass(frozen=True)
class Drawing:
    name: str
    svg: str
    png: bytes
    caption: str


@dataclass(frozen=True)
class Report:
    """All that the templates say."""

    name: str
    question: str
    rule: str
    metric: str
    unit: str
    verdicts: Sequence[Verdict]
    compares: bool
    unfinished: bool
    changes: Sequence[str]
    useful: float
    tables: Mapping[str, Table]
    drawings: Mapping[str, Drawing]
    commands: Sequence[tuple[str, str]]


def write_report(folder: str | Path) -> Path:
    """Write the folder `report`, results.csv and timing.csv; returns the path of the page."""
    write_results(folder)
    sweep = open_sweep(folder)
    report = _collect(sweep)
    target = sweep.folder / "report"
    for drawing in report.drawings.values():
        write_text(target / f"{drawing.name}.svg", drawing.svg)
        write_bytes(target / f"{drawing.name}.png", drawing.png)
    for name in {*FIGURES} - report.drawings.keys():  # of an earlier report
        for suffix in ("svg", "png"):
            (target / f"{name}.{suffix}").unlink(missing_ok=True)
    write_json(target / "report.json", _machine_readable(report))
    write_text(target / "report.md", _markdown(report))
    write_text(target / "index.html", _html(report))
    return target / "index.html"


def _collect(sweep: Sweep) -> Report:
    question, runs, timing = sweep.question, sweep.runs(), sweep.timing()
    verdicts, records = sweep.verdicts(), sweep.records()
    found = [
        tables.comparisons(question, verdicts, timing),
        tables.results(question, runs),
        tables.tuning(question, runs),
        tables.fairness(question, runs, timing, weights=_weights(records)),
        history.budget(timing),
        history.counts(question, runs),
        history.mishaps(runs),
        history.provenance(records, sweep.plan),
    ]
    figures = {
        "differences": plots.differences(question, verdicts),
        "curves": plots.curves(sweep),
        "tuning": plots.tuning(question, runs),
    }
    metric = question.endpoint if question.confirm else question.tuning_metric
    words = captions(question)
    waiting = int(runs["status"].isin(("running", "planned")).sum())
    return Report(
        name=sweep.folder.resolve().name,
        question=question.question,
        rule=str(sweep.plan.get("rule", "")),
        metric=quantity(metric),
        unit=unit(metric),
        verdicts=verdicts,
        compares=bool(question.comparisons),
        unfinished=waiting > 0 or not all(verdict.settled for verdict in verdicts),
        changes=history.changes(sweep.folder, sweep.plan),
        useful=history.useful_share(timing),
        tables={table.name: table for table in found if table},
        drawings={
            name: _draw(name, figure, words[name]) for name, figure in figures.items() if figure
        },
        commands=_commands(sweep, runs),
    )


def _weights(records: Sequence[Record]) -> dict[str, tables.Shapes]:
    """What the runs of each variant draw at their start, from the first that says so."""
    found: dict[str, tables.Shapes] = {}
    for record in records:
        if drawn := record.part("model").get("weights"):
            found.setdefault(record.variant, drawn)
    return found


def _draw(name: str, figure: "Figure", caption: str) -> Drawing:
    return Drawing(name, style.svg(figure, name=name), style.png(figure), caption)


def _commands(sweep: Sweep, runs: pd.DataFrame) -> list[tuple[str, str]]:
    """What to type to see it all again: (what it does, command)."""
    name = sweep.folder.resolve().name
    folder = shlex.quote(sweep.folder.as_posix())
    file = shlex.quote(f"{name}.yaml")
    found = [
        (
            "Ask the same question elsewhere; finished runs are not repeated",
            f"cp {folder}/sweep.yaml {file} && python -m lab.sweep {file}",
        ),
        ("Make this report again from its files", f"python -m lab.report {folder}"),
    ]
    metric = sweep.question.endpoint if sweep.question.confirm else sweep.question.tuning_metric
    packaged = runs[runs["package"].notna() & runs[metric].notna()]
    if len(packaged):
        best = packaged.sort_values(metric, kind="stable")["package"].iloc[0]
        package = shlex.quote(f"artifacts/{name}/{best}")
        prompt = shlex.quote(sweep.question.base.tracking.samples.prompt)
        found.append(
            (
                f"Write text with the run of the lowest {quantity(metric)}",
                f"python -m lab.sample {package} --prompt {prompt}",
            )
        )
    return found


def _machine_readable(report: Report) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "sweep": report.name,
        "question": report.question,
        "rule": report.rule,
        "verdicts": [plain(asdict(verdict)) for verdict in report.verdicts],
        "unfinished": report.unfinished,
        "changes": list(report.changes),
        "useful_share": plain(report.useful),
        "tables": {name: table.plain() for name, table in report.tables.items()},
        "figures": [f"{name}.png" for name in report.drawings],
    }


def _html(report: Report) -> str:
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["tied"] = lambda text: text.replace(" %", "\N{NO-BREAK SPACE}%")
    return _render(environment, "page.html.jinja", report)


def _markdown(report: Report) -> str:
    import jinja2

    environment = jinja2.Environment(
        autoescape=False,
        finalize=markdown.text,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = markdown.code
    shown = {name: markdown.table(table) for name, table in report.tables.items()}
    drawn = {
        name: markdown.figure(f"{name}.png", drawing.caption)
        for name, drawing in report.drawings.items()
    }
    return _render(
        environment,
        "page.md.jinja",
        report,
        tables=dict.fromkeys(TABLES, "") | shown,
        figures=dict.fromkeys(FIGURES, "") | drawn,
    )


def _render(environment: "Environment", template: str, report: Report, **more: Any) -> str:
    source = (Path(__file__).parent / template).read_text(encoding="utf-8")
    useful = "" if math.isnan(report.useful) else f"{100 * report.useful:.0f}"
    page = environment.from_string(source)
    return page.render(report=report, useful=useful, glossary=GLOSSARY, kinds=KINDS, **more)
