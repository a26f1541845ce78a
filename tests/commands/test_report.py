"""`lab report`: one sweep, several, and a browser that may not be there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.cli import main
from lab.config.loading import load_sweep
from lab.report.collect import open_sweep
from tests.report.sweeps import Truth, build_sweep

CONFIG = Path(__file__).parents[2] / "configs" / "posenc.yaml"


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """A sweep of a name in the working directory; returns the name."""
    monkeypatch.chdir(tmp_path)

    def make(name: str) -> str:
        build_sweep(Path(name), load_sweep(CONFIG), Truth())
        return name

    return make


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the browser was asked to open."""
    seen: list[str] = []

    def browse(address: str) -> bool:
        seen.append(address)
        return True

    monkeypatch.setattr("webbrowser.open", browse)
    return seen


def test_one_sweep_says_its_answers_and_where_its_page_is(
    make: Callable[[str], str], seen: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    one = make("one")
    assert main(["report", one]) == 0
    *answers, page = capsys.readouterr().out.splitlines()
    assert answers == open_sweep(one).answers()
    assert Path(page) == Path("one/report/index.html")
    assert Path(page).is_file()
    assert seen == []


def test_open_shows_the_page(make: Callable[[str], str], seen: list[str]) -> None:
    assert main(["report", make("a sweep"), "--open"]) == 0
    assert seen == [Path("a sweep/report/index.html").resolve().as_uri()]


def test_without_a_browser_the_path_is_said(
    make: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    assert main(["report", make("one"), "--open"]) == 0
    page = Path("one/report/index.html").resolve()
    assert capsys.readouterr().err == f"no browser is found here; open {page} in one\n"


def test_several_sweeps_are_compared(
    make: Callable[[str], str], seen: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", make("one"), make("two"), "--open"]) == 0
    *_, page = capsys.readouterr().out.splitlines()
    assert page == "across-one-two/index.html"
    assert seen == [Path(page).resolve().as_uri()]
    assert not Path("one/report").exists()
    assert main(["report", "one", "two", "--to", "there"]) == 0
    assert Path("there/index.html").is_file()


def test_bad_input_is_a_sentence(
    make: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    one = make("one")
    assert main(["report", one, "--to", "there"]) == 2
    assert "--to there is for a comparison of several sweeps" in capsys.readouterr().err
    assert main(["report", one, "elsewhere"]) == 2
    assert "elsewhere is not a folder" in capsys.readouterr().err
    assert main(["report", one, one]) == 2
    assert "one is given twice" in capsys.readouterr().err
    assert main(["report"]) == 2
