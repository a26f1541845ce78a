"""What a sweep and a run leave in their logs, and what the terminal shows of it."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.cli import main
from lab.log import LINES, TEXT, read_log
from tests.commands.folder import Lab
from tests.commands.here import work_here
from tests.commands.test_tracked_sweep import QUESTION

DISABLED = ("--set", "tracking.wandb.mode=disabled")


@pytest.fixture(scope="module", autouse=True)
def _quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Without certificates and figures, which take most of a small sweep's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("lab.commands.sweep.certify_first", lambda *_, **__: None)
        patch.setattr("lab.report.page.figures_of", lambda sweep: {})
        yield


@pytest.fixture
def work(tmp_path: Path, tiny_run: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(tiny_run))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def events(folder: Path) -> list[str]:
    return [str(record.get("event")) for record in read_log(folder / LINES)]


@pytest.mark.parametrize("option", ["-v", "-q", None])
def test_a_sweep_and_each_run_have_a_log(
    option: str | None, tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work_here(monkeypatch)
    lab = Lab(tmp_path / "lab", corpus, QUESTION)
    done = lab.run(*DISABLED, *([option] if option else []))
    assert done.returncode == 0, done.stderr
    told = events(lab.sweep)
    assert told.count("started") == told.count("ended") == 2
    assert (lab.sweep / TEXT).read_text().count(" INFO lab.sweep") >= 4
    for run in (lab.sweep / "runs").iterdir():
        assert events(run) == ["begun", "judged", "complete"]
    if option == "-q":
        assert done.stderr == ""
    assert (" started\n" in done.stderr) == (option == "-v")
    for run in lab.rows("run"):  # that it has ended, the display says: once
        assert done.stderr.count(f"{run} ended") == 0
    assert "report" in done.stdout


@pytest.mark.parametrize("option", ["-v", "-q", None])
def test_a_run_alone_has_a_log(
    option: str | None, work: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "run.yaml", *([option] if option else [])]) == 0
    (folder,) = (work / "experiments" / "train").iterdir()
    assert events(folder) == ["begun", "judged", "complete"]
    told = capfd.readouterr().err
    assert ("begun at step 0 of 12" in told) == (option == "-v")
    assert ("step 12/12" in told) == (option != "-q")
    assert "val/loss" in told


@pytest.mark.parametrize("command", ["sweep", "train"])
def test_loud_and_quiet_exclude_each_other(
    command: str, work: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "run.yaml", "-v", "-q"]) == 2
    assert "--quiet and --verbose exclude each other" in capfd.readouterr().err


def test_a_warning_of_a_run_is_shown_on_the_terminal_and_kept(
    work: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)  # type: ignore[arg-type]
    assert main(["train", "run.yaml", "--set", "tracking.wandb.mode=auto"]) == 0
    lines = [line for line in capfd.readouterr().err.splitlines() if "wandb" in line]
    assert len(lines) == 1
    assert lines[0].startswith("warning: wandb failed and gets nothing more of this run")
    (folder,) = (work / "experiments" / "train").iterdir()
    assert sorted(events(folder)) == ["begun", "complete", "judged", "tracking failed"]


def test_a_terminal_without_a_key_is_asked_for_none(work: Path) -> None:
    """On a real terminal; whoever asked there would wait for ever."""
    keyboard, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.train", "run.yaml", "--set", "tracking.wandb.mode=auto"],
        env={**os.environ, "HOME": str(work), "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    shown = b""
    try:
        while piece := os.read(keyboard, 65536):
            shown += piece
            assert b"wandb" not in shown.replace(str(work).encode(), b""), shown.decode()
    except OSError:  # the terminal has gone with the process
        pass
    finally:
        os.close(keyboard)
    assert process.wait() == 0, shown.decode()
    assert len(list(work.glob("experiments/train/*/wandb/offline-run-*"))) == 1
