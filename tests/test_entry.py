"""The first and last moments of a command: signals, and streams that are closed."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ENDS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
WHEN = {  # what Python does at that moment, as its audit hooks see it
    "while it is imported": ("import", "typer", 1),
    "twice while it is imported": ("import", "typer", 2),
    "while a question is read": ("open", "q.yaml", 1),
    "twice while a question is read": ("open", "q.yaml", 2),
}
SCRIPT = """
import os, sys
from lab.entry import entry

event, name, number, times = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

def hook(what, args):
    if what == event and str(args[0]).endswith(name):
        kill()

def kill():
    global times
    times -= 1
    try:
        if times >= 0:
            os.kill(os.getpid(), number)
    finally:
        if times > 0:
            kill()

sys.addaudithook(hook)
sys.argv[1:] = ["sweep", "q.yaml", "--dry-run"]
entry()
"""


def run(*words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("number", ENDS)
@pytest.mark.parametrize("when", WHEN)
def test_it_can_be_ended(when: str, number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text("question: Is it read?\n")
    event, name, times = WHEN[when]
    done = run("-c", SCRIPT, event, name, str(number.value), str(times), cwd=tmp_path)
    assert done.returncode == 130, done.stderr
    said = "" if times > 1 else "stopped; the same command continues"
    assert done.stderr.strip() == said


@pytest.mark.parametrize("number", ENDS)
def test_what_is_done_keeps_its_code(number: signal.Signals, tmp_path: Path) -> None:
    """A signal that comes while Python tidies up, when it knows no handler any more."""
    script = (
        "import os, sys; from functools import partial; from lab.entry import entry; "
        f"late = partial(os.kill, os.getpid(), {number.value}); "
        "sys.late = type('Late', (), {'__del__': lambda self: late()})(); "
        "sys.argv[1:] = ['sizes', 'nothing']; entry()"
    )
    done = run("-c", script, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_fault(closed: str, tmp_path: Path) -> None:
    """What is said there is lost; the files are written, and by no stream."""
    copy = f"'{sys.executable}' -m lab.tokenizer train text.txt --to it.json --vocab-size 300"
    (tmp_path / "text.txt").write_text("a text to learn from, " * 9)
    done = subprocess.run(
        f"{copy} {closed}", shell=True, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "it.json").read_text().startswith("{")
    assert "Traceback" not in done.stderr
