"""The fork server: one process that imports torch, and from which every other one is forked.

Design choices:
- it can be begun before anybody needs a process, and imports while the question is read;
- it is deaf to what asks a sweep to end: what to do then is the supervisor's business. It ends when
  nobody is left to ask it for a process.
"""

import multiprocessing
import signal
from contextlib import suppress
from importlib import import_module
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import ForkServerContext
from typing import TYPE_CHECKING

from lab.sweep.signals import ASKING

if TYPE_CHECKING:
    from lab.config.tune import TuneConfig

PRELOADED = ["lab.sweep.preload"]


def begin_early() -> None:
    """Begin the server, and do not wait for it; where that fails, whoever needs it is told."""
    with suppress(OSError, EOFError):
        running_server()


def import_meanwhile(tune: "TuneConfig | None") -> None:
    """What a search needs, imported while the server imports torch rather than after it."""
    if tune is not None:
        import_module("optuna.storages")
        if tune.sampler.kind == "quasi-random":
            import_module("scipy.stats")


def running_server() -> ForkServerContext:
    """The server of this process; another one where the last has died."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    resource_tracker.ensure_running()  # which makes whoever begins it hear again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ASKING)
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return context
