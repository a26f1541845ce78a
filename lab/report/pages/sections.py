"""The report's sections, in the order in which a sceptical reader asks.

Design choices:
- one outline for the page, its table of contents and the Markdown: they tell one story;
- an outline names what belongs where; what this sweep does not have is left out, and with it every
  heading that would stand alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from lab.report.figures.drawing import Drawing
from lab.report.tables.table import Table

Kind = Literal["text", "list", "table", "figure", "group", "folded", "words", "commands"]


Pairs = Sequence[tuple[str, str]]


class Part(NamedTuple):
    """A piece of a section. `content` by kind: a text; texts; a `Table`; a `Drawing`; a `Section`
    (group, folded); `Pairs`."""

    kind: Kind
    content: Any


@dataclass(frozen=True)
class Section:
    name: str
    title: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Outline:
    """A title and the names of what stands below it, such as `table runs`."""

    name: str
    title: str
    items: "Sequence[str | Outline]"
    folded: bool = False


@dataclass(frozen=True)
class Content:
    """What there is to be shown, by name; of `words` and `commands` there is one kind each."""

    texts: Mapping[str, Sequence[str]]
    tables: Mapping[str, Table]
    figures: Mapping[str, Drawing]
    words: Pairs  # of a word and its meaning
    commands: Pairs  # of what it does and the command


def filled(outline: Sequence[Outline], content: Content) -> list[Section]:
    """The sections that have something to say."""
    found = (_section(each, content) for each in outline)
    return [section for section in found if section.parts]


def _section(outline: Outline, content: Content) -> Section:
    parts = [part for item in outline.items for part in _parts(item, content)]
    return Section(outline.name, outline.title, parts)


def _parts(item: str | Outline, content: Content) -> Iterator[Part]:
    if isinstance(item, Outline):
        inner = _section(item, content)
        if inner.parts:
            yield Part("folded" if item.folded else "group", inner)
        return
    kind, name = item.split()
    match kind:
        case "text":
            yield from (Part("text", line) for line in content.texts.get(name, ()) if line)
        case "list":
            if lines := content.texts.get(name):
                yield Part("list", lines)
        case "table":
            if name in content.tables:
                yield Part("table", content.tables[name])
        case "figure":
            if name in content.figures:
                yield Part("figure", content.figures[name])
        case "all" if name == "words":
            yield Part("words", content.words)
        case "all" if name == "commands":
            yield Part("commands", content.commands)
        case _:
            raise AssertionError(f"{item!r} is no part of a report")
