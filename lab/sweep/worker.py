"""A worker process: one work order and its run folder, or several, and nothing else of the sweep.

Design choices:
- it reads its order from the folder and answers with `result.json`, or with `reached.json` where
  the order ends before the run does, so that who started it, and how, does not matter;
- an error is told in `failure.json` and by the exit code: whether the run is tried again is the
  supervisor's business. A full disk has a code of its own, and nothing to be written;
- everything it prints goes to `log.txt`;
- it touches its progress file after each step, at most once a second: silence means that it hangs;
- SIGTERM asks it to save a checkpoint and end; Ctrl-C and a closed terminal are the supervisor's
  business;
- it holds its folder while it works in it, and never outlives the processes it works for.
"""

import json
import logging
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from lab.config.order import WorkOrder
from lab.files import no_space, read_json, write_json
from lab.holding import held
from lab.log import TEXT, start_logs
from lab.printed import print_to
from lab.run_folder import ORDER, RESULT
from lab.sweep.attempts import FAILURE, NO_SPACE, raised
from lab.sweep.launchers.node import on_this_node
from lab.sweep.lifeline import end_with_parents, say_under_way

PROGRESS = "progress.json"
FAILED = 1
VISIBLE = "CUDA_VISIBLE_DEVICES"
PATIENCE = 30.0  # seconds: a worker that was killed may take some to die
log = logging.getLogger(__name__)
Execute = Callable[..., object]


def work(folders: Sequence[Path], device: int | None) -> None:
    """Carry out the orders of some run folders, on one GPU if given.

    Ends the process: with 0 where all is well, also when it was asked to stop.
    """
    stopping = told_to_stop()
    end_with_parents()
    say_under_way()
    if device is not None:
        os.environ[VISIBLE] = visible(device, among=os.environ.get(VISIBLE))
    sys.exit(carry_out(folders, stopping))


def told_to_stop() -> threading.Event:
    """Set once this process is told to save a checkpoint and end."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    return stopping


def carry_out(
    folders: Sequence[Path], stopping: threading.Event, execute: Execute | None = None
) -> int:
    """Carry out the orders of some run folders: as a cohort where that is ordered, else one after
    the other; returns the exit code. `execute` is in the place of `lab.run.execute`."""
    if _is_cohort(folders[0]):
        from lab.sweep.together import carry_out_together

        print_to(folders[0] / TEXT)
        return carry_out_together(folders, stopping)
    code = 0
    for folder in folders:
        if not stopping.is_set():
            print_to(folder / TEXT)
            with start_logs(folder):
                code = _carry_out(folder, stopping, execute) or code
    return code


def visible(device: int, *, among: str | None) -> str:
    """The name of one GPU, counted among those that this process was given."""
    given = [name.strip() for name in among.split(",")] if among else []
    return given[device] if device < len(given) else str(device)


def _is_cohort(folder: Path) -> bool:
    """What an order that can be read says; one that cannot is told of by whoever carries it out."""
    with suppress(OSError, ValueError, TypeError):
        return WorkOrder.parse(read_json(folder / ORDER)).execution == "cohort"
    return False


def _carry_out(folder: Path, stopping: threading.Event, execute: Execute | None = None) -> int:
    """Carry out one order; returns the exit code."""
    if execute is None:
        from lab.run import execute as alone

        execute = alone
    progress = Progress(folder / PROGRESS)

    def stop() -> bool:
        progress.beat()
        return stopping.is_set()

    with ExitStack() as until_the_last_write:
        try:
            until_the_last_write.enter_context(held(folder, patience=PATIENCE))
            until_the_last_write.callback(progress.clear)
            order = on_this_node(WorkOrder.parse(read_json(folder / ORDER)), folder)
            if not (folder / RESULT).exists():  # else of one that died only now
                execute(order, folder=folder, stop=stop, on_row=progress)
            return 0
        except Exception as error:
            return tell(error, folder, step=progress.step)


def tell(error: Exception, folder: Path, *, step: int | None) -> int:
    """Leave word of what went wrong in the folder of a run; returns the exit code."""
    if no_space(error):
        return NO_SPACE
    log.error("the run failed", exc_info=error, extra={"fields": {"run": folder.name}})
    try:
        write_json(folder / FAILURE, {"error": raised(error), "step": step})
    except OSError as another:
        return NO_SPACE if no_space(another) else FAILED
    return FAILED


class Progress:
    """Leaves the newest row in a file, at most twice a second: for display, and as a heartbeat."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.step: int | None = None
        self.row: dict[str, float] = {}
        self.written = self.beaten = 0.0

    def __call__(self, step: int, row: Mapping[str, float]) -> None:
        self.step = step
        self.row |= {name: value for name, value in row.items() if math.isfinite(value)}
        if time.monotonic() - self.written > 0.5:
            self.written = self.beaten = time.monotonic()
            beside = self.path.with_suffix(".new")
            beside.write_text(json.dumps({"step": step, **self.row}))
            beside.replace(self.path)

    def beat(self) -> None:
        """Say that it goes on; a run that was resumed may have no row to tell of for long."""
        if time.monotonic() - self.beaten > 1:
            self.beaten = time.monotonic()
            with suppress(OSError):
                self.path.touch()

    def clear(self) -> None:
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
