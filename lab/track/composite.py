"""Several trackers as one: the truth, which must not fail, and observers, which may.

Design choices:
- an error of the truth reaches the run, and reaches it before any observer is told;
- an observer that raises is warned about once and not called again, except to finish;
- `finish` closes every tracker, also when another one raises.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.errors import in_a_line
from lab.track.base import RunInfo, Tracker
from lab.track.trouble import LOST

_LOG = logging.getLogger("lab.track")


class Composite:
    def __init__(self, truth: Tracker, *, observers: Sequence[Tracker]) -> None:
        self._truth = truth
        self._observers = list(observers)
        self._failed: list[Tracker] = []

    def start(self, info: RunInfo, *, step: int) -> None:
        self._truth.start(info, step=step)
        self._tell(lambda tracker: tracker.start(info, step=step))

    def log(self, metrics: Mapping[str, float], *, step: int) -> None:
        self._truth.log(metrics, step=step)
        self._tell(lambda tracker: tracker.log(metrics, step=step))

    def sample(self, text: str, *, step: int) -> None:
        self._truth.sample(text, step=step)
        self._tell(lambda tracker: tracker.sample(text, step=step))

    def summary(self, values: Mapping[str, Any]) -> None:
        self._truth.summary(values)
        self._tell(lambda tracker: tracker.summary(values))

    def artifact(self, folder: Path) -> None:
        self._truth.artifact(folder)
        self._tell(lambda tracker: tracker.artifact(folder))

    def finish(self, *, status: str) -> None:
        try:
            self._truth.finish(status=status)
        finally:
            self._tell(lambda tracker: tracker.finish(status=status), also_failed=True)

    def _tell(self, call: Callable[[Tracker], None], *, also_failed: bool = False) -> None:
        for tracker in self._observers:
            failed = tracker in self._failed
            if failed and not also_failed:
                continue
            try:
                call(tracker)
            except Exception as error:
                if not failed:
                    self._failed.append(tracker)
                    what = in_a_line(error)
                    _LOG.warning(
                        "%s failed and is told nothing more; the run goes on: %s",
                        type(tracker).__name__,
                        what,
                        extra={"fields": {"event": LOST, "error": what}},
                    )
