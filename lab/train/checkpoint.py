"""Checkpoints that survive a crash at any moment.

Design choices:
- one is a safetensors file and, written after it, a JSON file with the hash of both: without a
  JSON that fits, it does not exist;
- two are kept; a damaged one is passed over, with a warning, for the one before it, and cleared
  away once a whole one is written. With none left, the run starts from the beginning;
- it knows the run that it is of, and has the witness of what was recorded until then: curves that
  lost rows, or are another run's, are not continued from it;
- a state with a NaN or an infinity is never written, nor read.
"""

import logging
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from lab.config.base import Strict
from lab.config.digest import digest
from lab.config.explain import explained
from lab.errors import LabError
from lab.files import read_json, replacing, sha256_file, write_json
from lab.train.finite import first_fault, not_finite
from lab.train.state import TrainState

SCHEMA, KEPT, MAX_BYTES = 1, 2, 2**20  # of the JSON, which has a dozen lines
NAMED = re.compile(r"\.?\d{9,}\.(json|safetensors)(\.|$)")
log = logging.getLogger(__name__)


class Described(Strict):
    """The JSON of a checkpoint. `seal` is the hash of the rest, `sha256` that of the tensors."""

    schema_version: int = Field(SCHEMA, ge=SCHEMA, le=SCHEMA)
    run: str
    step: int = Field(ge=0)
    witness: str
    seconds: dict[str, float]
    initial: dict[str, float]
    bytes: int
    sha256: str
    seal: str


class Checkpoints:
    """The checkpoints of one run, in one folder that no one else writes in.

    `run` is the run's digest. `witness` is asked for a fingerprint of what was recorded until a
    step: it must be the same when the run continues from there, and may raise where it is lost.
    """

    def __init__(
        self, folder: Path, *, run: str, witness: Callable[[int], str] = lambda step: ""
    ) -> None:
        self.folder, self.run, self.witness = folder, run, witness
        self._whole: list[str] = []  # written or read by this process, oldest first

    def save(self, state: TrainState) -> None:
        """Write the state after `state.step` updates, then drop all but the newest two.

        One that is not finite is not written: the row that finds it ends the run.
        """
        if fault := first_fault(state):
            log.info("no checkpoint of step %d: %s", state.step, fault.reason)
            return
        self._write(state, state.tensors())

    def restore(self, state: TrainState) -> bool:
        """Load the newest whole checkpoint into `state`; False where there is none."""
        described = self._newest(state.load_tensors)
        if described is None:
            return False
        state.step, state.seconds = described.step, described.seconds
        state.initial = described.initial
        return True

    def delete(self) -> None:
        """Remove them all; what cannot be removed is left."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, state: TrainState, flat: Mapping[str, Tensor]) -> None:
        """Write a state whose tensors are `flat`."""
        content = {name: value.contiguous() for name, value in flat.items()}
        stem = f"{state.step:09d}"
        tensors, described = self._files(stem)
        if self.folder.is_file():
            self.folder.unlink()
        self._clear(lambda file: file in (tensors, described) and not file.is_file())
        with replacing(tensors, listed=False) as beside:
            save_file(content, beside)
            facts = {
                "schema_version": SCHEMA,
                "run": self.run,
                "step": state.step,
                "witness": self.witness(state.step),
                "seconds": state.seconds,
                "initial": state.initial,
                "bytes": beside.stat().st_size,
                "sha256": sha256_file(beside),
            }
        write_json(described, facts | {"seal": digest(facts)})
        self._whole = [*(old for old in self._whole if old != stem), stem][-KEPT:]
        kept = {file for stem in self._whole for file in self._files(stem)}
        self._clear(lambda file: file not in kept)

    def _newest(self, take: Callable[[dict[str, Tensor]], None]) -> Described | None:
        """The newest whole checkpoint whose tensors are taken; one that raises is passed over."""
        found = sorted(self.folder.glob("*.json"), reverse=True)
        for file in found:
            try:
                described, tensors = self._read(file)
                take(tensors)
            except (OSError, ValueError, SafetensorError, LabError) as error:
                log.warning("%s is passed over: %s", file.with_suffix(""), _why(error))
                continue
            self._whole = [file.stem]
            return described
        if found:
            log.warning(
                "no checkpoint in %s is whole: the run starts from the beginning", self.folder
            )
        return None

    def _read(self, file: Path) -> tuple[Described, dict[str, Tensor]]:
        """A checkpoint, checked before memory is taken for it."""
        facts = read_json(file, limit=MAX_BYTES)
        if not isinstance(facts, dict):
            raise ValueError(f"{file.name} is no JSON object")
        if isinstance(facts.get("schema_version"), int) and facts["schema_version"] > SCHEMA:
            raise ValueError(f"it is of a newer lab, with schema {facts['schema_version']}")
        if digest({k: v for k, v in facts.items() if k != "seal"}) != facts.get("seal"):
            raise ValueError(f"{file.name} does not match its own hash")
        described, (tensors, _) = Described.parse(facts), self._files(file.stem)
        if described.run != self.run:
            raise ValueError(f"it is of another run, {described.run[:8]}")
        if f"{described.step:09d}" != file.stem:
            raise ValueError(f"it is of step {described.step}")
        if not tensors.is_file() or tensors.stat().st_size != described.bytes:
            raise ValueError(f"{tensors.name} is missing or not of its {described.bytes} bytes")
        if sha256_file(tensors) != described.sha256:
            raise ValueError(f"{tensors.name} is not what was written")
        if self.witness(described.step) != described.witness:
            raise ValueError("what the run recorded until then is not there as it was")
        content = load_file(tensors)
        if broken := not_finite(content):
            raise ValueError(f"{broken[0]} of {tensors.name} is not finite")
        return described, content

    def _files(self, stem: str) -> tuple[Path, Path]:
        return self.folder / f"{stem}.safetensors", self.folder / f"{stem}.json"

    def _clear(self, unwanted: Callable[[Path], bool]) -> None:
        """Remove what is named as a checkpoint is, torn files of killed writers too."""
        ours = (file for file in sorted(self.folder.glob("*")) if NAMED.match(file.name))
        for file in filter(unwanted, ours):  # a JSON before its tensors
            if file.is_dir() and not file.is_symlink():
                shutil.rmtree(file)
            else:
                file.unlink()


def _why(error: Exception) -> Any:
    return explained(error, Described)[0] if isinstance(error, ValidationError) else error
