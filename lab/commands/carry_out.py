"""A job on a node of a cluster: `python -m lab.commands.carry_out FOLDER...`, for launchers.

Design choices:
- it knows nothing of who started it: it reads orders and answers in their folders, as every worker
  does, and ends with whoever started it;
- where an order is for several processes, torchrun starts them, for one run at a time: the first of
  them is the worker, and the others do their part.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lab.commands.together import follow, lead, shared
from lab.config.order import WorkOrder
from lab.endings import exit_code
from lab.files import read_json
from lab.run_folder import ORDER
from lab.sweep.launchers.node import NODE
from lab.sweep.lifeline import end_with_parent
from lab.sweep.worker import carry_out, told_to_stop
from lab.train.distributed.meeting import Meeting, meet

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node")
LOOK = 0.2  # seconds


def main(folders: Sequence[Path]) -> int:
    """Carry out the orders of some run folders; returns the exit code."""
    end_with_parent()
    meeting = meet()
    if meeting is not None:
        return _take_part(meeting, folders)
    if os.environ.get(NODE, str(os.getppid())) != str(os.getppid()):
        return 1  # who began it had died before the kernel was told
    stopping, processes = told_to_stop(), _processes(folders[0])
    if processes == 1:
        return carry_out(folders, stopping)
    codes = [_by_several(folder, processes, stopping) for folder in folders]
    return max(codes)


def _take_part(meeting: Meeting, folders: Sequence[Path]) -> int:
    """Be one of the processes that train a run."""
    if not meeting.is_first:
        return follow(meeting)
    execute = partial(_execute, meeting)
    return lead(meeting, lambda: carry_out(folders, told_to_stop(), execute))


def _execute(meeting: Meeting, order: WorkOrder, *, folder: Path, **more: Any) -> object:
    from lab.run import execute  # imports torch

    with shared(meeting, order, folder) as world:
        return execute(order, folder=folder, world=world, **more)


def _processes(folder: Path) -> int:
    """How many an order asks for; one that cannot be read is told of by the worker."""
    try:
        return int(read_json(folder / ORDER)["provenance"].get("processes", 1))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 1


def _by_several(folder: Path, processes: int, stopping: threading.Event) -> int:
    """Have a run trained by so many processes; returns the exit code."""
    if stopping.is_set():
        return 0
    command = [sys.executable, *TORCHRUN, str(processes), "-m", __spec__.name, str(folder)]
    torchrun = subprocess.Popen(command, preexec_fn=end_with_parent)
    asked = False
    while torchrun.poll() is None:
        if stopping.is_set() and not asked:
            asked = True
            torchrun.send_signal(signal.SIGTERM)
        _wait(torchrun)
    return 0 if asked else torchrun.returncode


def _wait(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(LOOK)
    except subprocess.TimeoutExpired:
        return


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main([Path(name) for name in sys.argv[1:]])))
