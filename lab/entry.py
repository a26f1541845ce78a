"""Where every command line begins: it can be ended from the first moment to the last.

Design choices:
- Python imports for a while what a command needs, and tidies up after it. Who asks for an end then
  meets no traceback: the first time unwinds, which leaves every file whole, once more ends at once,
  and what is done already keeps the exit code that it came to;
- a stream that was closed before goes nowhere; the next file to be opened would be taken for it.
"""

import atexit
import os
import signal
import sys
from types import FrameType

from lab.sweep.signals import ASKING, say
from lab.train.distributed.meeting import is_silent

INTERRUPTED = 130
STREAMS = (("stdin", os.O_RDONLY), ("stdout", os.O_WRONLY), ("stderr", os.O_WRONLY))


def entry(*words: str) -> None:
    """Carry out the command line that this process was started with, after `words`; ends it."""
    end = _End()
    for number in ASKING:
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
            signal.signal(number, end)
    atexit.register(_ignore)
    try:
        _open_closed()
        from lab.cli import main

        end.code = main([*words, *sys.argv[1:]])
    except KeyboardInterrupt:  # before there was anybody to say so
        if not is_silent():
            say(b"stopped; the same command continues\n")
        end.code = INTERRUPTED
    sys.exit(end.code)


class _End:
    """What is done when a signal asks for an end; `code` is known once the command has ended."""

    def __init__(self) -> None:
        self.code: int | None = None
        self.asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.asked or self.code is not None:
            os._exit(INTERRUPTED if self.code is None else self.code)
        self.asked = True
        raise KeyboardInterrupt


def _ignore() -> None:
    """Last of all: a handler of ours is forgotten while Python tidies up, this is not."""
    for number in ASKING:
        signal.signal(number, signal.SIG_IGN)


def _open_closed() -> None:
    """Processes that are started for a command inherit them."""
    for name, flags in STREAMS:
        if getattr(sys, name) is None:
            number = os.open(os.devnull, flags)  # the lowest that is free: the stream's own
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, "r" if flags == os.O_RDONLY else "w"))
