"""Whole sweeps in the process of the test, where what a run imports can be replaced."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from lab.log import start_logs
from lab.sweep.worker import _carry_out


@dataclass(frozen=True)
class Done:
    """A job that had ended before anyone could look."""

    folders: Sequence[Path]
    exit_code: int
    waits = False
    lost = None

    def is_alive(self) -> bool:
        return False

    def stop(self) -> None: ...

    def kill(self) -> None: ...


class LauncherHere:
    slots = 1
    outlives = False

    def __init__(self, **_: Any) -> None: ...

    def found(self) -> Sequence[Done]:
        return ()

    def gathers(self, seconds: float | None) -> int:
        return 1

    def start(self, folders: Sequence[Path]) -> Done:
        (folder,) = folders
        with start_logs(folder):
            return Done(folders, _carry_out(folder, Event()))

    def wait(self, jobs: Sequence[Any], *, timeout: float) -> None: ...


def work_here(patch: pytest.MonkeyPatch) -> None:
    """From now on `lab sweep` starts no process."""

    def ask_here(function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)

    patch.setattr("lab.commands.launching.LocalLauncher", LauncherHere)
    for module in ("lab.commands.sweep", "lab.commands.report_run", "tests.commands.folder"):
        patch.setattr(f"{module}.ask_apart", ask_here)
