"""The git repository that a folder of source is kept in: commit, and what stands there beside it.

Design choices:
- a folder that lies in a repository without being kept in it, as an installed package does in a
  project's virtual environment, has none: another project's commit would say nothing, and its
  changes are nobody's business here;
- the environment of git itself (`GIT_DIR` within a hook) is passed over, no program that a
  repository names is run, and nothing is locked;
- changes are hashed whole and kept up to a limit; of files that git does not know, the names alone.
"""

import hashlib
import os
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Timer
from typing import Any

MAX_DIFF = 256 * 1024  # bytes of text; the hash is of all of it
MAX_UNTRACKED = 200  # names
TIMEOUT = 10.0  # seconds

_GIT = ("git", "-c", "core.fsmonitor=false")  # which may name a program
_PLAIN = ("--no-ext-diff", "--no-textconv", "--no-color", "--full-index", "--no-renames")


@dataclass(frozen=True)
class Repository:
    """The repository of the file `source`; everything is None where there is none, or no git."""

    source: Path

    @cached_property
    def commit(self) -> str | None:
        kept = _git(self.source.parent, "ls-files", "--error-unmatch", "--", self.source.name)
        found = _git(self.source.parent, "rev-parse", "HEAD") if kept else None
        return found.decode().strip() if found else None

    @property
    def dirty(self) -> bool | None:
        """Whether anything differs from the commit, or stands there unknown to it."""
        return None if self._status is None else bool(self._status)

    @cached_property
    def diff(self) -> dict[str, Any] | None:
        """What differs: `text`, cut at `MAX_DIFF` bytes, `bytes` and `sha256` of the whole, and
        the names of `untracked` files; None where nothing does.
        """
        if not self._status or (root := self._root) is None:
            return None
        untracked = [line[3:] for line in self._status if line.startswith("?? ")]
        read = _read(root, "diff", *_PLAIN, "HEAD")
        if read is None:
            return None
        text, size, sha256 = read
        if size > len(text):
            text = text[: text.rfind(b"\n") + 1]
        return {
            "sha256": sha256,
            "bytes": size,
            "text": text.decode(errors="replace"),
            "untracked": untracked[:MAX_UNTRACKED],
            "untracked_files": len(untracked),
        }

    @cached_property
    def _root(self) -> Path | None:
        found = _git(self.source.parent, "rev-parse", "--show-toplevel")
        return Path(os.fsdecode(found.removesuffix(b"\n"))) if found else None

    @cached_property
    def _status(self) -> list[str] | None:
        if self.commit is None:
            return None
        found = _git(self.source.parent, "status", "--porcelain", "-z", "--no-renames")
        return None if found is None else found.decode(errors="replace").split("\0")[:-1]


def _git(folder: Path, *words: str) -> bytes | None:
    try:
        done = subprocess.run(
            [*_GIT, "-C", folder, *words],
            capture_output=True, timeout=TIMEOUT, check=True, env=_environment(),
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _read(folder: Path, *words: str) -> tuple[bytes, int, str] | None:
    """The beginning of what git prints, its size and its hash, however much it is."""
    content, kept, size = hashlib.sha256(), bytearray(), 0
    try:
        with subprocess.Popen(
            [*_GIT, "-C", folder, *words],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment(),
        ) as process:  # fmt: skip
            (timer := Timer(TIMEOUT, process.kill)).start()
            assert process.stdout is not None
            while block := process.stdout.read(2**16):
                content.update(block)
                kept += block[: MAX_DIFF - len(kept)]
                size += len(block)
            timer.cancel()
    except OSError:
        return None
    return None if process.returncode else (bytes(kept), size, content.hexdigest())


def _environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**own, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
