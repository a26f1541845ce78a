"""A report's page as a reader sees it: headings, words, links; and what a browser would run."""

import html.parser
from pathlib import Path

LINKS = ("src", "href", "xlink:href")
VOID = ("meta", "path", "use", "rect", "br", "link", "img", "input", "circle")
UNSEEN = ("style", "script", "nav", "defs")


class Page(html.parser.HTMLParser):
    """The page of a sweep's folder; complains of tags that do not match."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.source = (folder / "report" / "index.html").read_text()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.headings: list[str] = []
        self.links: list[str] = []
        self.scripts: list[str] = []
        self._words: list[str] = []
        self._open: list[str] = []
        self.feed(self.source)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name in LINKS]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script":
            self.scripts.append(data)
        if not {*UNSEEN} & {*self._open}:
            self._words.append(data)
        if self._open and self._open[-1] == "h2":
            self.headings.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._words).split())

    @property
    def packages(self) -> list[str]:
        """Where links lead that leave the page."""
        return [link for link in self.links if not link.startswith("#")]
