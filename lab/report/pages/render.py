"""A report as a page and as Markdown: what the templates are given, and how they are filled.

Design choices:
- every text from outside (names, errors, questions) is escaped, in HTML and in Markdown;
- the page's one script is named by its hash: nothing else that looks like one is run.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lab.report.judging.verdict import Verdict
from lab.report.pages import markdown
from lab.report.pages.cells import cells
from lab.report.pages.sections import Content, Section
from lab.report.searches.words import Answer

if TYPE_CHECKING:
    from jinja2 import Environment

KINDS = {
    "decided": "Decided",
    "equivalent": "Equivalent",
    "undecided": "Undecided",
    "unstable": "Unstable",
    "undefined": "Not defined",
    "unmeasured": "Not judged",
    "measured": "Measured",
}
HERE = Path(__file__).parent


class Card(NamedTuple):
    """A verdict as it stands on top. `tone`: a class of the page's style."""

    tone: str
    label: str
    verdict: Verdict


@dataclass(frozen=True)
class Report:
    """All that the templates say."""

    name: str
    plan: str  # its hash
    question: str
    measure: str
    verdicts: Sequence[Verdict]
    controls: Sequence[Verdict]
    answer: Answer | None
    facts: Mapping[str, Any] | None
    unfinished: bool
    changes: Sequence[str]
    useful: float
    sources: Sequence[Mapping[str, Any]]
    content: Content
    sections: Sequence[Section]

    @property
    def found(self) -> bool:
        """Whether a search has a best trial, or a front."""
        return "best" in self.content.tables or "front" in self.content.tables

    @property
    def cards(self) -> list[Card]:
        return cards(self.verdicts, self.controls)


def cards(verdicts: Sequence[Verdict], controls: Sequence[Verdict]) -> list[Card]:
    """A control that found a difference where there is none comes first."""
    alarms = [Card("alarm", "Control failed", v) for v in controls if v.kind == "decided"]
    return alarms + [Card(v.kind, KINDS[v.kind], v) for v in verdicts]


def to_html(report: Report) -> str:
    return page("page.html.jinja", report=report, sections=report.sections)


def to_markdown(report: Report) -> str:
    return page_in_markdown("page.md.jinja", report=report)


def page(template: str, **values: Any) -> str:
    """A template of this folder, filled, with the style and the script that all pages have."""
    environment = _environment()
    environment.filters |= {"tied": _tied, "sentence": _sentence, "cells": cells}
    script = (HERE / "page.js").read_text(encoding="utf-8")
    return environment.get_template(template).render(
        style=(HERE / "page.css").read_text(encoding="utf-8"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        **values,
    )


def page_in_markdown(template: str, **values: Any) -> str:
    environment = _environment(finalize=markdown.text)
    environment.filters |= {"code": markdown.code, "table": markdown.table}
    environment.filters |= {"figure": markdown.figure, "sentence": _sentence}
    return environment.get_template(template).render(**values)


def _environment(**more: Any) -> "Environment":
    import jinja2

    return jinja2.Environment(
        autoescape=True,
        loader=jinja2.FileSystemLoader(HERE),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **more,
    )


def _tied(text: str) -> str:
    """No line ends before a percent sign or around an equals sign."""
    space = "\N{NO-BREAK SPACE}"
    return text.replace(" %", f"{space}%").replace(" = ", f"{space}={space}")


def _sentence(text: str) -> str:
    """A caveat is kept as part of a sentence."""
    return f"{text[:1].upper()}{text[1:]}."
