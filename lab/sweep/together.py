"""A worker's work where its orders are to be carried out together, as one batched model.

Design choices:
- to everyone else each run is as alone: its folder is held, its log, heartbeat and answer are its
  own. What is printed goes to the log of the first, and a line about one run to its log alone;
- what went wrong with one run is told in its folder, what went wrong with all in every folder that
  has no answer yet.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from lab.config.order import WorkOrder
from lab.files import read_json
from lab.holding import held
from lab.log import start_logs
from lab.run_folder import ORDER, RESULT
from lab.sweep.attempts import NO_SPACE
from lab.sweep.launchers.node import on_this_node
from lab.sweep.worker import PATIENCE, PROGRESS, Progress, tell


def carry_out_together(folders: Sequence[Path], stopping: threading.Event) -> int:
    """Carry out the orders of some folders as one cohort; returns the exit code."""
    with ExitStack() as until_the_last_write:
        going, codes = list[_Part](), list[int]()
        for folder in folders:
            part = _Part(folder, Progress(folder / PROGRESS))
            until_the_last_write.enter_context(start_logs(folder, run=folder.name))
            try:
                until_the_last_write.enter_context(held(folder, patience=PATIENCE))
                until_the_last_write.callback(part.progress.clear)
                part.order = on_this_node(WorkOrder.parse(read_json(folder / ORDER)), folder)
            except Exception as error:
                codes.append(part.tell(error))
            else:
                if not (folder / RESULT).exists():  # else of one that died only now
                    going.append(part)
        failures = _execute(going, stopping) if going else {}
        codes += [going[place].tell(error) for place, error in failures.items()]
        return NO_SPACE if NO_SPACE in codes else max(codes, default=0)


@dataclass
class _Part:
    """A run of the cohort."""

    folder: Path
    progress: Progress
    order: WorkOrder | None = None

    def tell(self, error: Exception) -> int:
        return tell(error, self.folder, step=self.progress.step)


def _execute(parts: Sequence[_Part], stopping: threading.Event) -> Mapping[int, Exception]:
    """What went wrong, by the places of the runs."""
    from lab.cohort import CohortError, execute_cohort

    beaten = 0.0

    def stop() -> bool:
        nonlocal beaten
        if time.monotonic() - beaten > 1:
            beaten = time.monotonic()
            for part in parts:
                part.progress.beat()
        return stopping.is_set()

    def tell_row(place: int, step: int, row: Mapping[str, float]) -> None:
        parts[place].progress(step, row)

    try:
        orders = [part.order for part in parts if part.order]
        folders = [part.folder for part in parts]
        execute_cohort(orders, folders=folders, stop=stop, on_row=tell_row)
    except CohortError as error:
        return error.failures
    except Exception as error:
        return dict.fromkeys(range(len(parts)), error)
    return {}
