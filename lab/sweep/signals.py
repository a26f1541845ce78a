"""Signals that ask a sweep to end: Ctrl-C, a polite kill, a terminal that was closed."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def caught(react: Callable[[], None]) -> Iterator[None]:
    """Call `react` at each of them; one that was to be ignored, as by nohup, still is."""
    before = {
        number: signal.signal(number, lambda *_: react())
        for number in ASKING
        if signal.getsignal(number) != signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def say(line: bytes) -> None:
    """Print from within a signal; a terminal that has gone is written to no more."""
    try:
        os.write(2, line)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(nowhere, stream)
        os.close(nowhere)
