"""A process that ends with those it works for: whoever asked for it, and the fork server.

Design choices:
- under a fork server the parent is the server, which outlives the supervisor while a worker lives;
  so the supervisor is watched through the pipe that multiprocessing leaves open for that;
- where the server alone dies, the supervisor takes its workers for dead although they live. Linux
  kills them with it; elsewhere a look at the parent's number every second does;
- Linux kills the server with the supervisor, too, and so its workers, also one that was stopped: it
  could not look at anything, and would hold its folder for ever.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from contextlib import suppress

LOOK = 1.0  # seconds
UNDER_WAY = signal.SIGURG  # from a worker to its fork server; ignored where nobody listens
PR_SET_PDEATHSIG = 1
_IMPORTED_BY = os.getpid()  # in a worker the fork server's number, which imported this for it


def end_with_parent() -> None:
    """From now on the kernel kills this process when the thread that began it has ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def end_with_parents() -> None:
    """From now on this process ends when its supervisor or its fork server has ended."""
    server = os.getppid() if os.getpid() == _IMPORTED_BY else _IMPORTED_BY
    end_with_parent()
    threading.Thread(target=_watch, args=(server,), name="lifeline", daemon=True).start()


def say_under_way() -> None:
    """Let the fork server know that a worker has what it needs."""
    if os.getpid() != _IMPORTED_BY:
        with suppress(OSError):  # one that has died needs to know nothing
            os.kill(_IMPORTED_BY, UNDER_WAY)


def _watch(server: int) -> None:
    supervisor = multiprocessing.parent_process()
    while supervisor is not None and supervisor.is_alive() and os.getppid() == server:
        supervisor.join(LOOK)
    os._exit(1)
