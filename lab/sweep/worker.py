"""A worker process: one work order, one run folder, nothing else of the sweep.

Design choices:
- it reads its order from the folder and answers with `result.json`, or with `reached.json` where
  the order ends before the run does, so that who started it, and how, does not matter;
- everything it prints goes to `log.txt`;
- SIGTERM asks it to save a checkpoint and end; SIGINT is the supervisor's business;
- it never outlives the process that started it.
"""

import json
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.config.order import WorkOrder
from lab.files import read_json, write_json

ORDER, RESULT, REACHED = "order.json", "result.json", "reached.json"
LOG, PROGRESS = "log.txt", "progress.json"


def work(folders: Sequence[Path], device: int | None) -> None:
    """Carry out the orders of some run folders, one after the other, on one GPU if given."""
    stopping = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(device)
    for folder in folders:
        if not stopping.is_set():
            _log_to(folder / LOG)
            _carry_out(folder, stopping)


def _carry_out(folder: Path, stopping: threading.Event) -> None:
    from lab.result import failure
    from lab.run import execute

    order = WorkOrder.parse(read_json(folder / ORDER))
    try:
        execute(order, folder=folder, stop=stopping.is_set, on_row=_Progress(folder / PROGRESS))
    except Exception as error:
        traceback.print_exc()
        write_json(folder / RESULT, failure(order, f"{type(error).__name__}: {error}"))
        (folder / REACHED).unlink(missing_ok=True)
    finally:
        (folder / PROGRESS).unlink(missing_ok=True)
        sys.stdout.flush()
        sys.stderr.flush()


class _Progress:
    """Leaves the newest row in a file, at most twice a second: for display, and as a heartbeat."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.row: dict[str, float] = {}
        self.written = 0.0

    def __call__(self, step: int, row: Mapping[str, float]) -> None:
        self.row |= row
        if time.monotonic() - self.written > 0.5:
            self.written = time.monotonic()
            beside = self.path.with_suffix(".new")
            beside.write_text(json.dumps({"step": step, **self.row}))
            beside.replace(self.path)


def _log_to(path: Path) -> None:
    """Send standard output and error of this process, libraries included, to a file."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )


def _end_with_parent() -> None:
    """Under a fork server the kernel's parent-death signal never comes: wait for it instead."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
