"""Imported by the fork server alone: what every worker needs, imported once for all of them.

A worker then starts in milliseconds, where each of these would cost it a second or two. The server
ends with its supervisor.

Design choices:
- what training needs comes first. What only tracking needs is imported when a worker has said that
  it is under way and no other has for a moment: the first ones import it themselves, beside their
  training, which so begins a second sooner. They say so by a signal that nobody else minds.
"""

import os
import signal
from contextlib import suppress
from importlib import import_module

from lab.sweep.lifeline import UNDER_WAY, end_with_parent

end_with_parent()  # first: what follows takes seconds

from lab.track.wandb import PRELOAD  # noqa: E402

AT_ONCE = ("lab.run", "lab.cohort", "lab.sweep.worker", "lab.certify.certify")
MOMENT = 0.3  # seconds


def preload_when_idle(names: tuple[str, ...]) -> None:
    """Import modules in this process, one at a time, each a moment after a worker was begun."""
    server, waiting = os.getpid(), list(names)

    def wait(*_: object) -> None:
        if waiting and os.getpid() == server:
            signal.setitimer(signal.ITIMER_REAL, MOMENT)

    def import_next(*_: object) -> None:
        with suppress(Exception):  # such as a wandb that is missing: a run tells of that
            import_module(waiting.pop(0))
        wait()

    signal.signal(signal.SIGALRM, import_next)
    signal.signal(UNDER_WAY, wait)


for name in AT_ONCE:
    import_module(name)
preload_when_idle(PRELOAD)
