"""Several sweeps on one page: their verdicts, whether they agree, what they spent and differ in.

Design choices:
- it is made of the sweeps' own files and stands outside their folders: each keeps its own report,
  to which the page leads where it is there;
- the page looks like a sweep's, and is as self-contained;
- beside it lie the same for a repository, for a program and for a spreadsheet: across.md,
  across.json, across.csv with all verdicts, runs.csv with all runs.
"""

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lab.errors import ConfigError
from lab.files import write_json, write_text
from lab.report.collect import open_sweep
from lab.report.judging import agreement
from lab.report.page import is_unfinished
from lab.report.pages import across_tables
from lab.report.pages.render import Card, cards, page, page_in_markdown
from lab.report.pages.sections import Content, Outline, Section, filled
from lab.report.snapshot import Snapshot, snapshot
from lab.report.tables.table import Table, plain
from lab.report.terms import listed, measure, unit

SCHEMA = 1
OUTLINE = (
    Outline("verdicts", "Every verdict", ["table verdicts"]),
    Outline("agreement", "Asked more than once", ["text agreement", "table agreement"]),
    Outline("costs", "What it cost", ["table costs"]),
    Outline("settings", "In what the sweeps differ", ["text settings", "table settings"]),
    Outline("commands", "How to reproduce it", ["all commands"]),
)
ALIKE = "Apart from their variants, the sweeps ask with the same settings."


@dataclass(frozen=True)
class Told:
    """What is said of one of the sweeps. `says` are the answers of a search, which has no cards.

    `href` leads to its own report, where there is one.
    """

    name: str
    question: str
    rule: str
    measure: str
    cards: Sequence[Card]
    says: Sequence[str]
    unfinished: bool
    href: str | None


@dataclass(frozen=True)
class Across:
    """All that the templates say."""

    title: str
    told: Sequence[Told]
    says: Sequence[str]
    content: Content
    sections: Sequence[Section]

    @property
    def contents(self) -> list[Section]:
        """What the table of contents leads to."""
        sweeps = [Section(f"sweep-{n}", told.name, []) for n, told in enumerate(self.told, 1)]
        return [*sweeps, *self.sections]


def write_across(folders: Sequence[Path], *, to: Path | None = None) -> tuple[Path, list[str]]:
    """Compare the sweeps in these folders; returns the page and what it says first.

    It is written to the folder `to`, by default `across-<first>-<second>` beside the first.
    Raises `ConfigError` where that lies in the folder of a sweep, or a sweep is given twice.
    """
    sweeps = _named([snapshot(open_sweep(folder)) for folder in folders])
    target = to or _beside(folders)
    _refuse_inside_a_sweep(target)
    told = [_told(name, sweep, target) for name, sweep in sweeps.items()]
    repeated = agreement.repeated(sweeps)
    found = [
        across_tables.verdicts(sweeps),
        agreement.agreement(repeated),
        across_tables.costs(sweeps),
        across_tables.settings(sweeps),
    ]
    tables = {table.name: table for table in found if table}
    agreed = agreement.sentence(repeated)
    content = Content(
        texts={
            "agreement": [agreed],
            "settings": [] if "settings" in tables else [ALIKE],
        },
        tables=tables,
        figures={},
        words=[],
        commands=[("Make this page again from the sweeps’ files", _command(folders, to))],
    )
    says = [text for text in (agreed, tables["costs"].note) if text]
    across = Across(_title([*sweeps]), told, says, content, filled(OUTLINE, content))
    write_text(target / "across.csv", tables["verdicts"].csv())
    write_text(target / "runs.csv", Table("runs", across_tables.all_runs(sweeps)).csv())
    write_json(target / "across.json", _machine_readable(across, sweeps))
    write_text(target / "across.md", page_in_markdown("across.md.jinja", across=across))
    write_text(
        target / "index.html", page("across.html.jinja", across=across, sections=across.contents)
    )
    return target / "index.html", says


def _named(sweeps: Sequence[Snapshot]) -> dict[str, Snapshot]:
    """By the folder's name; by the path that leads there where two have the same."""
    names = [sweep.folder.resolve().name for sweep in sweeps]
    found: dict[str, Snapshot] = {}
    for name, sweep in zip(names, sweeps, strict=True):
        label = name if names.count(name) == 1 else _from_here(sweep.folder)
        if any(sweep.folder.samefile(other.folder) for other in found.values()):
            raise ConfigError(f"{sweep.folder} is given twice; give each sweep once")
        found[label] = sweep
    return found


def _title(names: Sequence[str]) -> str:
    """The first four by name."""
    return listed(names if len(names) < 5 else [*names[:4], f"{len(names) - 4} more"])


def _beside(folders: Sequence[Path]) -> Path:
    """`experiments/across-posenc-length`, `experiments/across-posenc-and-12-more`."""
    first, second, *more = [folder.resolve().name for folder in folders]
    rest = f"and-{len(more) + 1}-more" if more else second
    return folders[0].parent / f"across-{first}-{rest}"


def _refuse_inside_a_sweep(target: Path) -> None:
    for folder in (target.resolve(), *target.resolve().parents):
        if (folder / "sweep.yaml").is_file() and (folder / "plan.json").is_file():
            raise ConfigError(
                f"--to {target} lies in the folder of the sweep {folder.name}, which holds that "
                "sweep alone; name a folder beside it"
            )


def _told(name: str, sweep: Snapshot, target: Path) -> Told:
    question, verdicts = sweep.question, sweep.verdicts()
    own = sweep.folder / "report" / "index.html"
    return Told(
        name=name,
        question=question.question,
        rule=str(sweep.plan.get("rule") or ""),
        measure=measure(question),
        cards=[] if question.is_search else cards(verdicts, sweep.controls()),
        says=sweep.answers() if question.is_search else [],
        unfinished=is_unfinished(question, sweep.search(), sweep.runs(), verdicts),
        href=quote(os.path.relpath(own, target)) if own.is_file() else None,
    )


def _command(folders: Sequence[Path], to: Path | None) -> str:
    words = [*map(_from_here, folders), *(["--to", _from_here(to)] if to else [])]
    return f"python -m lab.report {shlex.join(words)}"


def _from_here(path: Path) -> str:
    """The one way to write it that tells nothing of what lies above the working folder."""
    return Path(os.path.relpath(path)).as_posix()


def _machine_readable(across: Across, sweeps: Mapping[str, Snapshot]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "sweeps": [
            {
                "sweep": each.name,
                "question": each.question,
                "rule": each.rule,
                "endpoint": sweeps[each.name].question.endpoint,
                "unit": unit(sweeps[each.name].question.endpoint),
                "unfinished": each.unfinished,
                "answers": sweeps[each.name].answers(),
                "verdicts": [plain(asdict(v)) for v in sweeps[each.name].verdicts()],
                "controls": [plain(asdict(v)) for v in sweeps[each.name].controls()],
            }
            for each in across.told
        ],
        "says": across.says,
        "tables": {name: table.plain() for name, table in across.content.tables.items()},
    }
