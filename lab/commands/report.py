"""`lab report`: the report of a sweep from its files alone, or several sweeps on one page."""

import webbrowser
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from lab.errors import ConfigError
from lab.report.collect import open_sweep
from lab.report.page import write_report
from lab.report.pages.across import write_across


def report(folders: Sequence[Path], *, to: Path | None, opened: bool) -> None:
    """Write the report of a sweep, or a comparison of several, and print what it says.

    `to` is where a comparison goes; with `opened` the page is shown in the browser.
    """
    if len(folders) > 1:
        page, answers = write_across(folders, to=to)
    elif to is not None:
        raise ConfigError(
            f"--to {to} is for a comparison of several sweeps, and {folders[0]} is one; its report "
            "is always written into its folder: leave out --to"
        )
    else:
        page, answers = write_report(folders[0]), open_sweep(folders[0]).answers()
    out = Console(highlight=False, emoji=False, soft_wrap=True, markup=False)
    for sentence in [*answers, page]:
        out.print(sentence)
    if opened and not webbrowser.open(page.resolve().as_uri()):
        Console(stderr=True, highlight=False, emoji=False, soft_wrap=True, markup=False).print(
            f"no browser is found here; open {page.resolve()} in one"
        )
