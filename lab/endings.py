"""How a command ends: with an exit code, and in one sentence where it did not do what was asked.

Design choices:
- what the user can put right is a sentence and a 2: bad input, a folder that cannot be written;
- what stops for want of room, time or patience is a sentence and a 130: the same command goes on;
- a traceback means a defect of the lab;
- of several processes of one command, the first speaks;
- our own output may lie on a full disk, or its reader may have gone: then nobody hears us.
"""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from lab.errors import LabError, NoSpace
from lab.files import disk_full, no_space
from lab.train.distributed.meeting import is_silent

DONE, REFUSED, INTERRUPTED = 0, 2, 130


def exit_code(command: Callable[[], Any]) -> int:
    """The exit code of a command, which returns it or None; says what stood in its way."""
    try:
        code = command()
        sys.stdout.flush()
    except LabError as error:
        return _full(error) if no_space(error) else _refused(str(error))
    except typer.Exit as finish:
        return finish.exit_code
    except (KeyboardInterrupt, typer.Abort):
        _say("stopped; the same command continues")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        return _unheard(DONE)
    except SystemExit as end:  # which is what rich makes of it
        if isinstance(end.__context__, BrokenPipeError):
            return _unheard(DONE)
        raise
    except Exception as error:
        if no_space(error):
            return _full(_place(error))
        if isinstance(error, OSError) and error.strerror:
            place = f"{error.filename}: " if error.filename else ""
            return _refused(f"{place}{error.strerror}; work where files may be read and written")
        if hasattr(error, "format_message") and hasattr(error, "exit_code"):
            return _refused(error.format_message())
        raise
    return int(code or DONE)


def _place(error: Exception) -> LabError:
    """Files of the lab are named in its own errors; what has no name is the output."""
    if name := getattr(error, "filename", None):
        return disk_full(Path(name))
    return NoSpace("there is no room left for the output; the same command continues")


def _full(error: LabError) -> int:
    _say(str(error))
    try:
        sys.stdout.flush()
    except OSError:
        return _unheard(INTERRUPTED)
    return INTERRUPTED


def _unheard(code: int) -> int:
    """What is still to be written goes nowhere, also when the interpreter ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return code


def _refused(sentence: str) -> int:
    _say(sentence)
    return REFUSED


def _say(sentence: str) -> None:
    if is_silent():
        return
    with suppress(OSError):
        Console(stderr=True, highlight=False, emoji=False, markup=False, soft_wrap=True).print(
            sentence
        )
