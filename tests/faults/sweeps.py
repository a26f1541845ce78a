"""A whole `lab sweep` broken at one of its own writes, and given again until it is done.

The command is the real one, from its arguments to its exit code. Only its workers pretend, for what
they write is theirs: see `lives.py`.
"""

import io
import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import chdir, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from lab.cli import main
from lab.config.order import WorkOrder
from lab.files import clear_leftovers, read_json, write_json
from lab.report.collect import open_sweep, write_results
from lab.report.snapshot import snapshot
from lab.result import result
from tests.faults.injector import GROWS, Faults, How, Killed, faults, unharmed
from tests.sweep.crew import FakeJob

QUESTION: dict[str, Any] = {
    "question": "Do rotations help a tiny model?",
    "base": {
        "model": {"n_layers": 1, "n_heads": 2, "d_model": 16, "max_seq_len": 16},
        "train": {"steps": 40, "batch_size": 4, "eval_every": 10},
        "device": "cpu",
        "tracking": {"wandb": {"mode": "disabled"}},
    },
    "baseline": "learned",
    "variants": {"learned": {}, "rope": {"model.position": {"kind": "rope"}}},
    "tune": {
        "trials": 3,
        "refine": 1,
        "pruner": {"kind": "successive-halving"},
        "space": {"train.optimizer.lr": {"low": 1e-3, "high": 3e-2, "log": True}},
    },
    "confirm": {"test": "fixed", "max_seeds": 2},
    "packages": "best",
}
CODES = {"no space": (0, 130), "read-only": (0, 2)}  # 0 where only a convenience was refused
SENTENCES = {"no space": "there is no room left", "read-only": "Read-only file system"}
APART = ("timing", "provenance", "sha256")
NOT_COMPARED = ("log.txt", "log.jsonl", ".lock", "study", "study.lock", "study.damaged")


@dataclass
class Pretenders:
    """Workers that end at once where their order says; `ended` are the orders they carried out."""

    slots: int = 2
    ended: list[tuple[str, int | None]] = field(default_factory=list)
    outlives = False

    def found(self) -> Sequence[FakeJob]:
        return ()

    def gathers(self, seconds: float | None) -> int:
        return 1

    def start(self, folders: Sequence[Path]) -> FakeJob:
        with unharmed():
            return FakeJob(folders, WorkOrder.parse(read_json(folders[0] / "order.json")), 1.0)

    def wait(self, jobs: Sequence[Any], *, timeout: float) -> None:
        with unharmed():
            for job in (job for job in jobs if job.alive):
                job.alive, job.exit_code = False, 0
                self._end(job.folders[0], job.order)

    def _end(self, folder: Path, order: WorkOrder) -> None:
        self.ended.append((order.run, order.until))
        clear_leftovers(folder)  # as a worker does
        (folder / "wandb" / f"offline-run-{order.run}").mkdir(parents=True, exist_ok=True)
        steps, loss = order.config.train.steps, 2 + Random(order.run).random()
        last, splits = order.until or steps, ("val", "test") if order.judge == "test" else ("val",)
        curve = {str(step): {"val/loss": loss + 1 / (1 + step)} for step in range(0, last + 1, 10)}
        done = order.until is None
        content = result(
            order, "complete" if done else "running", step=last,
            metrics={f"{split}/loss": loss for split in splits}, initial=curve["0"],
            evaluations=curve, model={"flops_per_token": 1}, data={},
            timing={"total": 1.0, "train": 0.8, "eval": 0.1}, provenance=order.provenance,
        )  # fmt: skip
        write_json(folder / ("result.json" if done else "reached.json"), content)
        if done:
            (folder / "reached.json").unlink(missing_ok=True)
        if done and order.package:
            Path(order.package).mkdir(parents=True, exist_ok=True)
            write_json(Path(order.package) / "manifest.json", {"run": order.run})


@dataclass(frozen=True)
class Ending:
    code: int | None  # None where it was killed
    told: str


class Sweeps:
    """The same sweep, again and again, each in a working directory of its own.

    With `reports` each writes its whole report, which takes seconds; else its results only.
    """

    def __init__(self, corpus: Path, root: Path, *, reports: bool = False) -> None:
        asked = {**QUESTION, "base": {**QUESTION["base"], "data": _data(corpus)}}
        self.text, self.root, self.n = yaml.safe_dump(asked, sort_keys=False), root, 0
        self.crew, self.reports = Pretenders(), reports
        self.home()
        self.go(None)  # what is made once a machine has been made
        home = self.home()
        found = Faults(home)
        ending = self.go(home, found)
        assert ending.code == 0, ending.told
        self.files, self.writes = files_of(home), found.writes

    def home(self) -> Path:
        found = self.root / str(self.n)
        self.n += 1
        found.mkdir()
        (found / "tiny.yaml").write_text(self.text)
        self.crew = Pretenders()
        return found

    def go(self, home: Path | None, fault: Faults | None = None) -> Ending:
        """The command once, in the working directory made last."""
        out, code = io.StringIO(), None
        harm = faults(fault) if fault else nullcontext()
        with (
            pytest.MonkeyPatch.context() as patch,
            chdir(home or self.root / str(self.n - 1)),
            redirect_stdout(out),
            redirect_stderr(out),
        ):
            pretend(patch, lambda: self.crew, reports=self.reports)
            patch.setenv("LAB_CACHE", str(self.root / "cache"))
            try:
                with harm:
                    code = main(["sweep", "tiny.yaml"])
            except Killed:
                code = None
            except SystemExit as end:  # a defect, with its traceback in the log
                code = end.code if isinstance(end.code, int) else 1
        return Ending(code, out.getvalue())

    def breaks(self, at: int, how: How) -> None:
        """That after a fault at a write the same command comes to the same files."""
        home, where = self.home(), f"{how} write {at}: {self.writes[at]}"
        fault = Faults(home, at=at, how=how)
        ending = self.go(home, fault)
        grows = any(write.startswith(GROWS) for write in self.writes[at:])
        assert fault.broke or (how == "no space" and not grows), f"{where} was never made again"
        if how in CODES:
            assert ending.code in CODES[how], f"{where} ended with {ending.code}: {ending.told}"
            assert "Traceback" not in ending.told, where
            if ending.code:
                assert ending.told.count(SENTENCES[how]) == 1, f"{where}: {ending.told}"
        again = self.go(home)
        assert again.code == 0, f"{where}: {again.told}"
        found = files_of(home)
        names = sorted(found.keys() ^ self.files.keys())
        assert not names, f"{where}: {names} are there once"
        changed = [name for name in found if found[name] != self.files[name]]
        assert not changed, f"{where} changed {changed}"
        twice = [order for order, n in Counter(self.crew.ended).items() if n > 1]
        assert not twice, f"{where}: {twice} were carried out twice"


def pretend(
    patch: pytest.MonkeyPatch, crew: Callable[[], Pretenders], *, reports: bool = False
) -> None:
    def certify(function: Any, models: Sequence[Any]) -> list[Any]:
        return [[{"name": "causality", "passed": True, "detail": "0"}] for _ in models]

    def report(folder: Path) -> Path:
        write_results(snapshot(open_sweep(folder)))
        return folder / "report" / "index.html"

    patch.setattr("lab.commands.launching.LocalLauncher", lambda **_: crew())
    patch.setattr("lab.commands.sweep.ask_apart", certify)
    if not reports:
        patch.setattr("lab.commands.sweep.write_report", report)
    patch.setattr("lab.sweep.study.PATIENCE", 0.01)  # a lock of a killed writer is broken at once
    patch.setattr(os, "fsync", lambda handle: None)  # nobody pulls the plug


def files_of(home: Path) -> dict[str, Any]:
    """All that a sweep left, by name; of JSON what is no time and no machine's; of links, where
    they lead."""
    return {
        str(path.relative_to(home)): _content(path, home)
        for path in sorted([*home.glob("experiments/**/*"), *home.glob("artifacts/**/*")])
        if (path.is_file() or path.is_symlink()) and path.name not in NOT_COMPARED
    }


def _content(path: Path, home: Path) -> Any:
    if path.is_symlink():
        return str(path.readlink())
    if path.suffix != ".json":
        return path.read_bytes() if path.name != "timing.csv" else None
    found = json.loads(path.read_text().replace(str(home), ""))
    return {key: found[key] for key in found if key not in APART}


def _data(corpus: Path) -> dict[str, Any]:
    return {"corpus": {"kind": "file", "path": str(corpus)}}
