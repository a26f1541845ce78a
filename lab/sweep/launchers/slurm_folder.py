"""The folder of a Slurm job, by which supervisor and node speak to each other.

    <sweep>/jobs/<job>/
      spec.json       what to do: run folders, tokens, seconds of notice      by the supervisor
      submitted.json  the job's number at Slurm                               by the supervisor
      claim           who carries it out, or that nobody is to any more       by whoever is first
      stop            it is to end: `save` first, or `now`                    by the supervisor
      heartbeat       changes while somebody is at it                         by the node
      leaving.json    why it was told to go                                   by the node
      requeued.json   how far its runs were when it was queued again          by the node
      ended.json      its exit code, or how it was lost                       by the node, last

Design choices:
- a claim has its content when it appears, and one alone can make it: so a job whose submission
  nobody knows of is either at work or never will be;
- a folder that is gone is wanted no more; it goes by a rename, so that no half of it is found.
"""

import json
import os
import secrets
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.errors import SweepError
from lab.files import read_json, write_json
from lab.run_folder import RESULT
from lab.sweep.allowance import step_of
from lab.sweep.attempts import FAILURE

REVOKED = "revoked"
SAVE, NOW = "save", "now"


class JobFolder:
    """The folder of one job; what is not there, or not whole yet, is None."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heartbeat, self.claimed = path / "heartbeat", path / "claim"
        self._told_to_stop, self._ended = path / "stop", path / "ended.json"
        self._leaving, self._requeued = path / "leaving.json", path / "requeued.json"

    @classmethod
    def new(cls, jobs: Path, spec: dict[str, Any]) -> "JobFolder":
        folder = cls(jobs / secrets.token_hex(6))
        write_json(folder.path / "spec.json", spec)
        return folder

    @property
    def is_whole(self) -> bool:
        """Neither half made nor half removed."""
        return not self.path.name.startswith(".") and _read(self.path / "spec.json") is not None

    @property
    def spec(self) -> dict[str, Any]:
        found = _read(self.path / "spec.json")
        if found is None:
            raise SweepError(f"{self.path} is no folder of a job; move it away")
        return found

    @property
    def run_folders(self) -> list[Path]:
        return [Path(folder) for folder in self.spec["folders"]]

    @property
    def number(self) -> str | None:
        """What Slurm calls the job, by whoever was first to note it."""
        noted = (_read(self.path / name) or {} for name in ("submitted.json", "claim"))
        return next((found["job"] for found in noted if found.get("job", REVOKED) != REVOKED), None)

    def submitted(self, number: str) -> None:
        write_json(self.path / "submitted.json", {"job": number})

    @property
    def claim(self) -> dict[str, Any] | None:
        return _read(self.claimed)

    def take(self, claim: dict[str, Any]) -> bool:
        """Whether the job is ours: nobody was first, or we were, before we were queued again."""
        beside = self.path / f".claim.{secrets.token_hex(6)}"
        try:
            beside.write_text(json.dumps(claim))
            os.link(beside, self.claimed)
        except FileNotFoundError:
            return False
        except FileExistsError:
            return self.claim is not None and bool(self.claim["job"] == claim["job"])
        finally:
            with suppress(OSError):
                beside.unlink()
        return True

    def revoke(self) -> bool:
        """See to it that nobody begins any more; False where somebody has."""
        return self.take({"job": REVOKED})

    def tell_to_stop(self, how: str) -> None:
        beside = self.path / ".stop"
        beside.write_text(how)
        beside.replace(self._told_to_stop)

    @property
    def told_to_stop(self) -> str | None:
        with suppress(OSError):
            return self._told_to_stop.read_text()
        return None if self.is_wanted else NOW

    @property
    def is_wanted(self) -> bool:
        return self.path.is_dir()

    def leave(self, why: str) -> None:
        self._say(self._leaving, {"why": why})

    def come_back(self) -> None:
        self._leaving.unlink(missing_ok=True)

    @property
    def left(self) -> str | None:
        return (_read(self._leaving) or {}).get("why")

    @property
    def requeued(self) -> dict[str, Any] | None:
        return _read(self._requeued)

    def requeue(self, standing: dict[str, Any]) -> None:
        self._say(self._requeued, standing)

    @property
    def ended(self) -> dict[str, Any] | None:
        return _read(self._ended)

    def end(self, *, code: int | None = None, lost: str | None = None) -> None:
        """Leave the last word, once."""
        if self.ended is None:
            self._say(self._ended, {"code": code, "lost": lost})

    def remove(self) -> None:
        gone = self.path.with_name(f".{self.path.name}")
        with suppress(OSError):
            self.path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def _say(self, file: Path, value: dict[str, Any]) -> None:
        if self.is_wanted:  # else it would come to be again
            write_json(file, value)


def without_answer(folders: Sequence[Path]) -> list[Path]:
    """Those that nobody has come to an end with."""
    return [f for f in folders if not any((f / answer).is_file() for answer in (RESULT, FAILURE))]


def standing(folders: Sequence[Path]) -> dict[str, Any]:
    """How far runs are: of each without an answer the step of its checkpoint."""
    return {folder.name: step_of(folder) for folder in without_answer(folders)}


def _read(file: Path) -> dict[str, Any] | None:
    with suppress(OSError, ValueError):
        found = read_json(file)
        return found if isinstance(found, dict) else None
    return None


def refresh(folder: Path) -> None:
    """See what others have written last: a network file system looks after one's own change."""
    with suppress(OSError):
        (folder / ".look").touch()
        (folder / ".look").unlink()
