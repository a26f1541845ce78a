"""A sweep that has ended, as `lab sweep` leaves it, and what can be done to its folder.

Its workers only pretend, and its models are certified in this process: a folder is made in a
second, and copied for each case.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.config.yaml12 import load_yaml
from lab.files import read_json, write_json, write_text
from lab.report.collect import open_sweep, write_results
from lab.report.content import tables_of
from lab.report.snapshot import snapshot
from tests.bad.calls import call
from tests.bad.question import CORPUS, LR, QUESTION
from tests.sweep.crew import FakeJob, FakeLauncher

TUNED = f"tune: {{trials: 2, refine: 0, space: {{{LR}: {{low: 1e-3, high: 1e-2, log: true}}}}}}\n"
CONFIRMED = "confirm: {test: fixed, max_seeds: 2, twin: false}\n"


class Crew(FakeLauncher):
    """Workers that leave what a report reads, without training."""

    def _end(self, job: FakeJob) -> None:
        super()._end(job)
        folder, steps = job.folders[0], job.order.config.train.steps
        found = read_json(folder / "result.json")
        losses = {"val/loss": 4.0}
        counts = {"documents": 1, "bytes": 99, "chars": 99, "tokens": 99}
        found |= {
            "evaluations": {"0": losses, str(steps): losses},
            "timing": {"total": 2.0, "train": 1.0, "eval": 0.5},
            "model": {"n_params": 7000, "flops_per_token": 40_000, "vocab_size": 97},
            "data": {"name": "corpus.txt", "corpus_digest": "c0", "digest": "da",
                     "stats": dict.fromkeys(("train", "val", "test"), counts)},
        }  # fmt: skip
        write_json(folder / "result.json", found)
        text = "step,tokens,val/loss\n0,0,4.5\n20,1280,4.0\n"
        write_text(folder / "metrics.csv", text)


@contextmanager
def pretended() -> Iterator[None]:
    """`lab sweep` with workers that pretend and a report that is read, but not drawn."""

    def launcher(*, workers: int, devices: Sequence[int]) -> Crew:
        return Crew(slots=1, loss=lambda order: 4.0 + 0.1 * order.config.seed)

    def here(function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)

    def report(folder: Path) -> Path:
        read_all(folder)
        return folder / "report" / "index.html"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lab.commands.launching.LocalLauncher", launcher)
        patch.setattr("lab.commands.sweep.ask_apart", here)
        patch.setattr("lab.commands.sweep.write_report", report)
        patch.setattr("lab.commands.report.write_report", report)
        yield


def read_all(folder: Path) -> None:
    """All that a report reads of a sweep."""
    sweep = snapshot(open_sweep(folder))
    write_results(sweep)
    tables_of(sweep)
    for run in sweep.runs()["run"]:
        sweep.curve(run)
        sweep.positions(run)
    sweep.trials()
    sweep.answers()


class State:
    """A working directory with a question, and the sweep that answered it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sweep = folder / "experiments" / "q"

    def make(self) -> None:
        self.folder.mkdir(parents=True)
        (self.folder / "corpus.txt").write_text(CORPUS)
        (self.folder / "q.yaml").write_text(QUESTION + TUNED + CONFIRMED)
        done = call("sweep", "q.yaml", cwd=self.folder)
        assert done.code == 0, done

    def copied(self, to: Path) -> "State":
        shutil.copytree(self.folder, to, symlinks=True)
        return State(to)

    @property
    def runs(self) -> list[Path]:
        return sorted(path for path in (self.sweep / "runs").iterdir() if path.is_dir())

    @property
    def run(self) -> Path:
        return self.runs[0]

    def edit(self, file: Path, **changes: Any) -> None:
        """Change what a JSON file says; `...` takes a key out."""
        content = json.loads(file.read_text()) | changes
        file.write_text(json.dumps({k: v for k, v in content.items() if v is not ...}))

    def results(self) -> bytes:
        return (self.sweep / "results.csv").read_bytes()

    def question(self) -> Any:
        return load_yaml((self.sweep / "sweep.yaml").read_text(), source="sweep.yaml")
