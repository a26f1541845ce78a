"""Checkpoints that survive a crash at any moment.

Design choices:
- one is a safetensors file and, written after it, a JSON file with its hash: without a JSON that
  fits, it does not exist;
- two are kept; a damaged one is passed over, with a warning, for the one before it.
"""

import json
import logging
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from lab.files import read_json, replacing, sha256_file, write_json
from lab.train.state import TrainState

KEPT = 2
log = logging.getLogger(__name__)


class Checkpoints:
    """The checkpoints of one run, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, state: TrainState) -> None:
        """Write the state after `state.step` updates, then drop all but the newest two."""
        tensors = self.folder / f"{state.step:09d}.safetensors"
        with replacing(tensors) as beside:
            save_file({k: v.contiguous() for k, v in state.tensors().items()}, beside)
            written = {"step": state.step, "sha256": sha256_file(beside)}
        beside_tensors = {"seconds": state.seconds, "initial": state.initial}
        write_json(tensors.with_suffix(".json"), written | beside_tensors)
        for old in self._newest_first()[KEPT:]:
            old.unlink()
            old.with_suffix(".safetensors").unlink(missing_ok=True)

    def restore(self, state: TrainState) -> bool:
        """Load the newest whole checkpoint into `state`; False where there is none."""
        for described in self._newest_first():
            try:
                meta = read_json(described)
                tensors = described.with_suffix(".safetensors")
                if sha256_file(tensors) != meta["sha256"]:
                    raise ValueError("its content is not what was written")
                state.load_tensors(load_file(tensors))
                state.step, state.seconds = meta["step"], meta["seconds"]
                state.initial = meta["initial"]
                return True
            except (OSError, KeyError, ValueError, json.JSONDecodeError, SafetensorError) as error:
                log.warning("checkpoint %s is passed over: %s", described.stem, error)
        return False

    def delete(self) -> None:
        for file in self.folder.glob("*"):
            file.unlink()
        if self.folder.exists():
            self.folder.rmdir()

    def _newest_first(self) -> list[Path]:
        return sorted(self.folder.glob("*.json"), reverse=True)
