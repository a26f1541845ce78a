"""A run broken at one of its writes, and carried on until it is done."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.config.digest import run_digest
from lab.config.order import WorkOrder
from lab.config.run import RunConfig
from lab.data.prepare import prepare
from lab.files import no_space, read_json
from lab.run import execute
from tests.faults.injector import Faults, How, Killed, faults

PAUSE, EVERY = 8, 4  # steps: where the first order ends, and between two checkpoints
APART = ("timing", "provenance", "sha256")  # what may differ, and what is a hash over that


@dataclass
class Life:
    """What came of a run in the end: files by name, JSON without times; and the work it took."""

    files: dict[str, Any]
    steps: int
    writes: list[str]


class Lives:
    """The same run, lived again and again, each time in a folder of its own."""

    def __init__(self, raw: dict[str, Any], root: Path) -> None:
        config = RunConfig.parse(raw).replaced(
            {
                "train.eval_every": EVERY,
                "train.checkpoint_every": EVERY,
                "train.log_every": 1,
                "tracking.samples.max_new_tokens": 4,
            }
        )
        self.data = prepare(config.data)
        digest = run_digest(config, corpus_digest=self.data.corpus_digest)
        self.raw = {
            "run": "tiny",
            "digest": digest,
            "config": config.dump(),
            "labels": {"sweep": "s", "variant": "tiny", "phase": "run"},
            "settings": {},
            "data": str(self.data.folder),
            "provenance": {},
        }
        self.root, self.n, self.steps = root, 0, 0
        home = self.home()
        with faults(Faults(home)) as found:
            self.go(home)
        self.whole = Life(_files(home), self.steps, found.writes)

    def home(self) -> Path:
        found = self.root / str(self.n)
        self.n += 1
        found.mkdir()
        return found

    def go(self, home: Path) -> None:
        """To a pause, then to the end."""
        for until in (PAUSE, None):
            order = {**self.raw, "package": str(home / "artifacts" / "tiny"), "until": until}
            execute(WorkOrder.parse(order), folder=home / "run", on_row=self._count)

    def die(self, home: Path, at: int) -> None:
        """End this process before a write, as a kill does."""
        with faults(Faults(home, at=at, exit_code=137)):
            self.go(home)

    def broken(self, at: int, how: How = "before") -> Path:
        """A folder as a fault leaves it."""
        home = self.home()
        with faults(Faults(home, at=at, how=how)):
            try:
                self.go(home)
            except Killed:
                pass
            except OSError as error:  # NoSpace is one
                if not (how == "read-only" or no_space(error)):
                    raise
                self.readable(home)
        return home

    def readable(self, home: Path) -> None:
        """Where a write was refused, nothing that stands is half of itself."""
        for file in home.rglob("*.json"):
            if not file.name.startswith("."):
                read_json(file)

    def breaks(self, at: int, how: How) -> None:
        """That a fault at a write costs no more than the steps since the last checkpoint."""
        self.steps = 0
        self.carry_on(self.broken(at, how), at, how)
        assert 0 <= self.steps - self.whole.steps <= EVERY, f"{how} {self.whole.writes[at]}"

    def carry_on(self, home: Path, at: int, how: str = "before") -> None:
        """That the same order comes to the same files."""
        self.go(home)
        found, where = _files(home), f"{how} write {at}: {self.whole.writes[at]}"
        names = sorted(found.keys() ^ self.whole.files.keys())
        assert not names, f"{where}: {names} are there once"
        changed = [name for name in found if found[name] != self.whole.files[name]]
        assert not changed, f"{where} changed {changed}"

    def _count(self, step: int, row: Mapping[str, float]) -> None:
        """Every step logs a row, and so does the start."""
        self.steps += step > 0


def _files(home: Path) -> dict[str, Any]:
    return {
        str(path.relative_to(home)): _content(path)
        for path in sorted(home.rglob("*"))
        if path.is_file() and path.name != "timing.csv"
    }


def _content(path: Path) -> Any:
    if path.suffix != ".json":
        return path.read_bytes()
    found = read_json(path)
    return {key: found[key] for key in found if key not in APART}
