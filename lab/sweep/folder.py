"""The folder of a sweep: what lies where, who holds it, and what it already knows."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.certify.certificate import is_certificates
from lab.config.order import WorkOrder
from lab.config.sweep import SweepConfig
from lab.config.yaml12 import dump_yaml
from lab.files import clear_leftovers, json_text, read_json, write_json, write_text
from lab.holding import held
from lab.result import pruned
from lab.run_folder import CHECKPOINT, ORDER, REACHED, RESULT, ending_in, order_in, read_state
from lab.sweep.before import Seen, before
from lab.sweep.plan import PlannedRun, Result

CERTIFICATES = "certificates.json"


@dataclass(frozen=True)
class SweepFolder:
    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    def run(self, name: str) -> Path:
        return self.path / "runs" / name

    def begun(self) -> Iterator[str]:
        """The names of all runs that have a folder; it is not looked for them before they are
        asked for."""
        yield from sorted(path.name for path in self.path.glob("runs/*"))

    @property
    def study(self) -> Path:
        return self.path / "study"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder against a second supervisor; a `SweepError` says who holds it."""
        with held(self.path):
            for folder in (self.path, self.path / "report", self.path / "report" / "tables"):
                clear_leftovers(folder)
            yield

    def register(self, registration: dict[str, Any], question: SweepConfig) -> dict[str, Any]:
        """Write question and plan before the first run; the plan before it is kept beside.

        Returns the part `before` of a plan that was not there yet, else {}.
        """
        file, old = self.path / "plan.json", self.plan()
        if old.get("hash") == registration["hash"]:
            self._restore(self.path / "sweep.yaml", dump_yaml(question.dump()))
            return {}
        found = before(registration, old, self.seen())
        if old:
            write_json(self.path / f"plan-{str(old.get('hash'))[:8]}.json", old)
        write_text(self.path / "sweep.yaml", dump_yaml(question.dump()))
        write_json(file, {**registration, "before": found})
        return found

    def seen(self) -> list[Seen]:
        """The runs of whatever plan whose outcome is known, also those set aside."""
        found = []
        for file in sorted(self.path.glob(f"*/*/{RESULT}")):
            labels = read_state(file.with_name(ORDER)).get("labels")
            told = labels if isinstance(labels, dict) else {}
            if read_state(file).get("status") != "failed":
                phase, variant = told.get("phase", ""), told.get("variant", "")
                found.append(Seen(file.parent.name, variant, phase))
        return found

    def plan(self) -> dict[str, Any]:
        """The plan that stands in the folder, {} where there is none."""
        file = self.path / "plan.json"
        found: dict[str, Any] = read_state(file) if file.is_file() else {}
        return found

    def kept(self, name: str, plan_hash: str) -> dict[str, Any]:
        """A JSON file of this folder, if the present plan wrote it; else {}."""
        file = self.path / name
        found = read_state(file) if file.is_file() else {}
        return found if found.get("plan") == plan_hash else {}

    def certificates(self) -> dict[str, Any]:
        """The file of certificates; {} where there is none, or a damaged one: it is made again."""
        with suppress(OSError, ValueError):
            found = read_json(self.path / CERTIFICATES)
            return found if is_certificates(found) else {}
        return {}

    def keep(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file, if it is not there already as it should be."""
        self._restore(self.path / name, json_text(content))

    def result(self, run: PlannedRun) -> Result | None:
        """How a run ended, or how far it came before it paused, if this very run has begun."""
        folder, digest = self.run(run.name), run.digest
        found = ending_in(folder, digest=digest)
        return ending_in(folder, digest=digest, name=REACHED) if found is None else found

    def give_up(self, name: str, reason: str) -> Result | None:
        """Write the result of a run that is not carried on; None where it has ended by itself."""
        folder = self.run(name)
        if (folder / RESULT).is_file() or not (folder / REACHED).is_file():
            return None
        content = pruned(read_state(folder / REACHED), reason)
        write_json(folder / RESULT, content)
        self.tidy(name)
        return content

    def tidy(self, name: str) -> None:
        """Remove what only an unfinished run needs; a kill may have left it."""
        (self.run(name) / REACHED).unlink(missing_ok=True)
        shutil.rmtree(self.run(name) / CHECKPOINT, ignore_errors=True)
        clear_leftovers(self.run(name))

    def order(self, name: str) -> WorkOrder | None:
        """The order that the folder of a run was begun with."""
        return order_in(self.run(name))

    def set_aside(self, run: PlannedRun) -> None:
        """Move a run's folder out of the way, keeping it."""
        folder, number = self.run(run.name), 1
        while (target := self.path / "set-aside" / f"{run.name}.{number}").exists():
            number += 1
        target.parent.mkdir(exist_ok=True)
        folder.rename(target)

    def _restore(self, file: Path, text: str) -> None:
        """Write a file that is not as it should be."""
        if not file.is_file() or file.read_bytes() != text.encode():
            write_text(file, text)
