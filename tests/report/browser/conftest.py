"""A browser that opens reports; tests that ask for one are skipped where there is none."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser is installed ({', '.join(NAMES)})")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., Any]]:
    """`opened(folder, **context)` is the report's page, open from its file.

    When the test ends, it must have logged no error and asked for nothing but itself.
    """
    contexts, troubles = [], []

    def watch(page: Any, url: str) -> None:
        page.on("console", lambda said: troubles.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.on("request", lambda asked: asked.url == url or troubles.append(f"asks {asked.url}"))

    def open_page(folder: Path, **context: Any) -> Any:
        contexts.append(browser.new_context(**context))
        page, url = contexts[-1].new_page(), (folder / "report" / "index.html").as_uri()
        watch(page, url)
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []
