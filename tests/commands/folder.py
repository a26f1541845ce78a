"""A working directory with a question in it, and the command that answers it."""

import csv
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import yaml

from lab.cli import main
from lab.sweep.apart import ask_apart


class Lab:
    """A working directory with a question in it, and the command that answers it."""

    def __init__(
        self, folder: Path, corpus: Path, question: dict[str, Any], **changes: Any
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        question = {**question, **changes}
        corpus_config = {"corpus": {"kind": "file", "path": str(corpus)}}
        question["base"] = {**question["base"], "data": corpus_config}
        (folder / "tiny.yaml").write_text(yaml.safe_dump(question, sort_keys=False))
        self.sweep = folder / "experiments" / "tiny"
        self.artifacts = folder / "artifacts" / "tiny"

    def start(self, *options: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "lab.sweep", "tiny.yaml", *options],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *options: str) -> "subprocess.CompletedProcess[str]":
        """The command to its end, in this very process: its fork server serves many sweeps."""
        ask_apart(os.getpid)  # the server begins here, not in the folder
        arguments, out, err = ["sweep", "tiny.yaml", *options], io.StringIO(), io.StringIO()
        with chdir(self.folder), redirect_stdout(out), redirect_stderr(err):
            code = main(arguments)
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    def results(self) -> bytes:
        return (self.sweep / "results.csv").read_bytes()

    def curves(self) -> dict[str, bytes]:
        """metrics.csv of each run that the results speak of."""
        runs = self.sweep / "runs"
        return {run: (runs / run / "metrics.csv").read_bytes() for run in self.rows("run")}

    def rows(self, column: str) -> list[str]:
        with (self.sweep / "results.csv").open() as file:
            return [row[column] for row in csv.DictReader(file)]

    def n_finished(self) -> int:
        return len(list(self.sweep.glob("runs/*/result.json")))

    def kill_after(self, process: "subprocess.Popen[str]", count: int) -> None:
        """Kill the supervisor once so many runs have ended; its workers end with it."""
        wait_for(lambda: self.n_finished() >= count or process.poll() is not None)
        process.kill()
        process.communicate()
        wait_for(lambda: not processes_of(self.folder))


def processes_of(folder: Path) -> list[int]:
    """Processes whose working directory is the given folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder:
                found.append(int(process.name))
        except OSError:
            continue
    return found


def wait_for(condition: Callable[[], bool], *, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def kill_a_worker(lab: Lab, supervisor: int, *, rows: int = 0) -> bool:
    """Kill a process that is training: one that has a run's log open, and has logged `rows`."""
    for pid in processes_of(lab.folder):
        try:
            log = Path(f"/proc/{pid}/fd/1").readlink()
            logged = len((log.parent / "metrics.csv").read_bytes().splitlines()) if rows else 0
        except OSError:
            continue
        if pid != supervisor and log.name == "log.txt" and logged >= rows:
            os.kill(pid, signal.SIGKILL)
            return True
    return False
