"""Runs that go wrong where a file beside them says so: for a test's own fork server.

`faults/<variant>-<seed>` in a sweep's folder holds the names of faults, one a line; an attempt of
that run that has logged the step `AT` takes the first line away and has that fault; one that takes
others along has it `EARLIER`, so that they have not come to theirs. What it trained until then is
added to `steps/<variant>-<seed>`: the first step it logged, and the last; at the end of the run,
too.
"""

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lab.run
from lab.config.order import WorkOrder

AT, EARLIER = 57, 27
_execute = lab.run.execute


def execute(order: WorkOrder, *, folder: Path, on_row: Any, **more: Any) -> Any:
    sweep = folder.parents[1]
    name = f"{order.labels['variant']}-{order.config.seed}"
    planted, trained = sweep / "faults" / name, sweep / "steps" / name
    steps: list[int] = []

    def row(step: int, found: Mapping[str, float]) -> None:
        on_row(step, found)
        steps.append(step)
        faults = planted.read_text().splitlines() if planted.exists() else []
        if faults and step == (EARLIER if faults[0] == "kill the server" else AT):
            planted.write_text("\n".join(faults[1:]))
            tell()
            FAULTS[faults[0]]()

    def tell() -> None:
        trained.parent.mkdir(exist_ok=True)
        with trained.open("a") as file:
            file.write(f"{steps[0]} {steps[-1]}\n")

    done = _execute(order, folder=folder, on_row=row, **more)
    tell()
    return done


def _raise() -> None:
    raise RuntimeError("boom")


def _no_memory() -> None:
    raise MemoryError


def _leave() -> None:
    print("it leaves without a word more")  # noqa: T201
    os._exit(3)


def _send(number: int, pid: Callable[[], int]) -> Callable[[], None]:
    return lambda: os.kill(pid(), number)


FAULTS: dict[str, Callable[[], None]] = {
    "raise": _raise,
    "no memory": _no_memory,
    "leave": _leave,
    "kill": _send(signal.SIGKILL, os.getpid),
    "stop": _send(signal.SIGSTOP, os.getpid),
    "kill the server": _send(signal.SIGKILL, os.getppid),
}
