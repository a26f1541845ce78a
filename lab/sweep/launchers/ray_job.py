"""A job that an actor of a Ray cluster carries out, as the supervisor sees it.

Design choices:
- one question is open at a time: whether it has begun, then what there is of news; who asks is
  woken by the answer;
- what came is in the run's real folder before the next question, and before the job has ended;
- an actor that is gone has taken with it what it had not told: the job was lost. What goes wrong
  in an actor that is there is told of its runs, as their own errors are;
- who waits for a place has nothing that could be lost: it is ended without a word.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.config.order import WorkOrder
from lab.errors import LabError, in_a_line
from lab.files import no_space, write_json
from lab.sweep.attempts import FAILURE, NO_SPACE, raised
from lab.sweep.events import note
from lab.sweep.launchers.parcel import deliver
from lab.sweep.launchers.ray_node import Begun, News

LOST = "was lost with its node"
FULL = "found no room on the disk of its node"
NO_MEMORY = "Ray ended it to save its node; launcher.memory sets some aside for a run"
NOT_THERE = "failed to import"  # as Ray says that an actor's class is not at a node


@dataclass(eq=False)
class RayJob:
    """An actor, and the question that is `open`: whether it has begun, then for its news."""

    folders: Sequence[Path]
    orders: Sequence[WorkOrder]
    ray: Any
    actor: Any
    open: Any
    waits: bool = True
    ended: bool = False
    exit_code: int | None = None
    lost: str | None = None
    stopped: bool = False
    killed: float | None = None  # when

    def is_alive(self) -> bool:
        return not self.ended

    def stop(self) -> None:
        if self.waits:
            self.end(code=0)
        elif not (self.stopped or self.ended):
            self.stopped = True
            self.actor.stop.remote()

    def kill(self) -> None:
        if self.waits:
            self.end(code=-9)
        elif self.killed is None and not self.ended:
            self.killed = time.monotonic()
            self.actor.kill.remote()

    def end(self, *, code: int | None = None, lost: str | None = None) -> None:
        if not self.ended:
            self.ended, self.waits, self.exit_code, self.lost = True, False, code, lost
            self.ray.kill(self.actor)

    def hear(self) -> str | None:
        """Take the answer to the open question; returns why nobody can work at that node."""
        try:
            answer = self.ray.get(self.open)
        except self.ray.exceptions.RayTaskError as error:
            return self._failed(error.cause)
        except self.ray.exceptions.OutOfMemoryError:
            self.end(code=max(_left_word(MemoryError(NO_MEMORY), each) for each in self.folders))
            return None
        except self.ray.exceptions.RayError as error:
            if getattr(error, "actor_init_failed", False):
                return self._failed(error)
            self.end(lost=LOST)
            return None
        if isinstance(answer, Begun):
            return self._begun(answer)
        self._take(answer)
        return None

    def _begun(self, answer: Begun) -> str | None:
        if answer.fault:
            self.end(code=1)
            return answer.fault
        self.waits = False
        for order in self.orders:
            note("placed", f"{order.run} is on {answer.node}", run=order.run, node=answer.node)
        for name in answer.brought:
            note("brought", f"{answer.node} has tokens {name}", node=answer.node, tokens=name)
        self.open = self.actor.news.remote()
        return None

    def _take(self, news: News) -> None:
        for changes, folder, order in zip(news.runs, self.folders, self.orders, strict=True):
            package = Path(order.package) if order.package else None
            try:
                deliver(changes, folder, package=package, digest=order.digest)
            except (OSError, LabError) as error:
                self.end(code=_left_word(error, folder))
        if news.code == NO_SPACE and not self.ended:  # which is no disk of ours
            self.end(lost=FULL)
        elif news.code is not None:
            self.end(code=news.code)
        elif not self.ended:
            self.open = self.actor.news.remote()

    def _failed(self, error: BaseException) -> str | None:
        """What went wrong in the actor itself is told of each of its runs; returns why it could
        not begin where that is no matter of theirs."""
        if self.waits and NOT_THERE in str(error):
            self.end(code=1)
            why = next((line for line in str(error).splitlines() if "Error:" in line), "")
            return (
                f"a node of the cluster has not this lab ({why.strip() or in_a_line(error)}); "
                "install the same lab on every node"
            )
        self.end(code=max(_left_word(error, folder) for folder in self.folders))
        return None


def _left_word(error: BaseException, folder: Path) -> int:
    """Leave word in the folder of a run of what went wrong with it here; returns the exit code."""
    if no_space(error):
        return NO_SPACE
    try:
        write_json(folder / FAILURE, {"error": raised(error), "step": None})
    except OSError:
        return NO_SPACE
    return 1
