"""Two commands on one folder: the second is told who is there; a report needs to hold nothing."""

import io
import os
import socket
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from lab.cli import main
from lab.errors import SweepError
from lab.holding import LOCK, held
from tests.commands.folder import Lab
from tests.commands.test_sweep import QUESTION

ONE: dict[str, Any] = {**QUESTION, "tune": None, "confirm": None}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def lab(corpus: Path, tmp_path: Path) -> Lab:
    return Lab(tmp_path, corpus, ONE)


def ask(lab: Lab, *words: str) -> tuple[int, str]:
    """The exit code of a command, and what it says."""
    out = io.StringIO()
    with chdir(lab.folder), redirect_stdout(out), redirect_stderr(out):
        return main(list(words)), out.getvalue()


def test_a_second_sweep_is_told_who_holds_the_folder(lab: Lab) -> None:
    with held(lab.sweep):
        done = lab.run()
    assert done.returncode == 2
    assert (
        f"experiments/tiny is held by process {os.getpid()} on {socket.gethostname()} since 20"
        in (done.stderr)
    )
    assert done.stderr.endswith("); wait for it, or stop it\n")
    assert not (lab.sweep / "plan.json").exists()


def test_a_second_train_is_told_who_holds_the_run(lab: Lab) -> None:
    words = ("train", "tiny.yaml", "--set", "train.steps=20")
    assert ask(lab, *words)[0] == 0
    (run,) = (lab.folder / "experiments" / "train").iterdir()
    with held(run):
        code, said = ask(lab, *words)
    assert (code, said.count("\n")) == (2, 1)
    assert f"{run.relative_to(lab.folder)} is held by process {os.getpid()} on" in said
    assert ask(lab, *words)[0] == 0


def test_a_report_is_made_while_a_sweep_is_under_way(lab: Lab) -> None:
    assert lab.run("--max-runs", "1").returncode == 130
    with held(lab.sweep):
        code, said = ask(lab, "report", "experiments/tiny")
    assert code == 0, said
    assert (lab.sweep / "report" / "index.html").is_file()


@pytest.mark.parametrize(
    "left", [b"", b"4711", b'{"process": 4711', b"[" * 100_000, b"\xff\x00", b'{"process": null}']
)
def test_what_a_killed_process_left_is_no_obstacle(tmp_path: Path, left: bytes) -> None:
    (tmp_path / LOCK).write_bytes(left)
    with held(tmp_path):
        (tmp_path / LOCK).write_bytes(left)
        with pytest.raises(SweepError, match=r"held by another process; wait for it, or stop it"):
            held(tmp_path).__enter__()
    with held(tmp_path), pytest.raises(SweepError, match=f"process {os.getpid()} on "):
        held(tmp_path).__enter__()


def test_whoever_has_patience_comes_after(tmp_path: Path) -> None:
    before = held(tmp_path)
    before.__enter__()
    Timer(0.1, before.__exit__, (None, None, None)).start()
    with held(tmp_path, patience=60), pytest.raises(SweepError, match="is held by"):
        held(tmp_path, patience=0.06).__enter__()


def test_a_lock_that_cannot_be_opened_is_one_sentence(lab: Lab) -> None:
    (lab.sweep / LOCK).mkdir(parents=True)
    done = lab.run()
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "experiments/tiny/.lock: Is a directory; work where files may be" in done.stderr
