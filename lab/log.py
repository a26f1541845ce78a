"""One log a run and one a sweep: `log.txt` to read, `log.jsonl` for programs.

Design choices:
- everyone logs through `logging.getLogger("lab. ...")`; what a program may want to find again is
  given as `extra={"fields": {"event": "started", "run": ...}}` and stands beside the message;
- libraries' warnings, `warnings.warn` and what nobody catches are in the logs too: the files have
  the traceback, a terminal one line, and a command that ends so ends with 1. wandb has a log of
  its own, and what becomes of it is told by its tracker;
- a line is one write of its own, and begins on a new line whatever a killed process or a full disk
  has left before it; so a damaged line is one line;
- a log is a help and no result: what cannot be written is left out, counted, and told when writing
  works again. Nothing that goes wrong here ends a run or a sweep;
- an attempt adds at most `LIMIT` bytes to each file, whatever it has to say.
"""

import json
import logging
import math
import os
import threading
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from lab.errors import LabError, in_a_line
from lab.files import no_space

if TYPE_CHECKING:
    from rich.console import Console

TEXT, LINES = "log.txt", "log.jsonl"
LIMIT = 4 * 2**20

_LOG = logging.getLogger("lab.log")
_FIRST = ("time", "level", "logger", "message")


def start_logs(
    folder: Path,
    *,
    quiet: int = 0,
    console: "Console | None" = None,
    told: Collection[str] = (),
    run: str | None = None,
) -> "Logs":
    """Log into the two files of a folder until the value, a context manager, is closed.

    With a `console`, warnings and errors are shown there as well, each in a line; `quiet` below 0
    (`-v`) adds what is only of note. Events in `told` are left out there: a display shows them.
    With a `run`, what is said of another run by its name is left out.
    """
    handlers: list[logging.Handler] = [_File(folder / TEXT, _text), _File(folder / LINES, _json)]
    for handler in handlers if run is not None else ():
        handler.addFilter(lambda record: _fields(record).get("run", run) == run)
    if console is not None:
        handlers.append(_Terminal(console, logging.INFO if quiet < 0 else logging.WARNING, told))
    return Logs(handlers)


class Logs:
    """Logs that are being written; `with` also keeps what ends the block in them."""

    def __init__(self, handlers: Collection[logging.Handler]) -> None:
        self._handlers = list(handlers)
        self._lab = logging.getLogger("lab")
        self._before = self._lab.level, warnings.showwarning, threading.excepthook
        for handler in self._handlers:
            handler.addFilter(_concerns)
            logging.getLogger().addHandler(handler)
        self._lab.setLevel(logging.INFO)
        warnings.showwarning = _warned
        threading.excepthook = _thread_ended

    def close(self) -> None:
        if self._handlers:
            level, warnings.showwarning, threading.excepthook = self._before
            self._lab.setLevel(level)
        while self._handlers:
            logging.getLogger().removeHandler(self._handlers.pop())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Keep an error; one that no command line has a sentence for is a defect, and ends here."""
        defect = isinstance(error, Exception) and not _has_sentence(error)
        try:
            if defect:
                where = next((h.path for h in self._handlers if isinstance(h, _File)), "the log")
                _LOG.critical("a defect of the lab; traceback in %s", where, exc_info=error)
            elif error is not None and not isinstance(error, SystemExit):
                for handler in [h for h in self._handlers if isinstance(h, _Terminal)]:
                    logging.getLogger().removeHandler(handler)  # whoever catches it says it
                quoted = None if isinstance(error, LabError | KeyboardInterrupt) else error
                _LOG.error("ended by %s", in_a_line(error), exc_info=quoted)
        finally:
            self.close()
        if defect:
            raise SystemExit(1) from error


def read_log(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a `log.jsonl`, oldest first; damaged lines and a missing file give none."""
    with suppress(OSError), path.open("rb") as file:
        for line in file:
            with suppress(ValueError, RecursionError):
                record = json.loads(line)
                if isinstance(record, dict):
                    yield record


class _File(logging.Handler):
    """Adds a record to a file, which is opened for it: a log holds nothing and outlives a lot."""

    def __init__(self, path: Path, line: Callable[[logging.LogRecord], str]) -> None:
        super().__init__(logging.INFO)
        self.path, self._line = path, line
        self._left, self._lost = LIMIT, 0

    def emit(self, record: logging.LogRecord) -> None:
        if self._left <= 0:
            return
        try:
            content = self._encoded(record)
            if self._lost:
                note = f"{self._lost} lines before this one could not be written"
                content = self._encoded(_note(note)) + content
            if len(content) > self._left:
                content = self._encoded(
                    _note(f"here is the limit of {LIMIT} bytes; no more follows")
                )
                self._left = 0
            self._left -= len(content)
            _append(self.path, content)
            self._lost = 0
        except Exception:  # not even a message that cannot be put into words
            self._lost += 1

    def _encoded(self, record: logging.LogRecord) -> bytes:
        return (self._line(record) + "\n").encode(errors="backslashreplace")


class _Terminal(logging.Handler):
    """A line a record; rich puts it above the bars that stand there."""

    def __init__(self, console: "Console", level: int, told: Collection[str]) -> None:
        super().__init__(level)
        self._console, self._told = console, frozenset(told)

    def emit(self, record: logging.LogRecord) -> None:
        from rich.text import Text

        if _fields(record).get("event") in self._told:
            return
        with suppress(Exception):  # such as a terminal that has gone
            line = _message(record).split("\n", 1)[0]
            if record.exc_info and record.exc_info[1] is not None:
                line += f": {in_a_line(record.exc_info[1])}"
            word, style = "", ""
            if record.levelno >= logging.WARNING:
                word, style = "warning: ", "yellow"
            if record.levelno >= logging.ERROR:
                word, style = "error: ", "red"
            self._console.print(Text.assemble((word, style), line), soft_wrap=True, highlight=False)


def _concerns(record: logging.LogRecord) -> bool:
    room = record.name.split(".", 1)[0]
    return room == "lab" or (record.levelno >= logging.WARNING and room != "wandb")


def _append(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        end = os.lseek(handle, 0, os.SEEK_END)
        if end and os.pread(handle, 1, end - 1) != b"\n":
            content = b"\n" + content
        if os.write(handle, content) != len(content):
            raise OSError(f"{path} was written in part; disk full?")
    finally:
        os.close(handle)


def _text(record: logging.LogRecord) -> str:
    """The time, level and name first; further lines are indented, so none looks like a record."""
    whole = _message(record)
    if trace := _traceback(record):
        whole += "\n" + trace
    body = "\n    ".join(whole.splitlines())
    return f"{_time(record)} {record.levelname} {record.name}: {body}"


def _json(record: logging.LogRecord) -> str:
    first = (_time(record), record.levelname, record.name, _message(record))
    fields = {k: v for k, v in _fields(record).items() if k not in _FIRST}
    content: dict[str, Any] = dict(zip(_FIRST, first, strict=True)) | fields
    if trace := _traceback(record):
        content["traceback"] = trace
    return json.dumps(_plain(content), allow_nan=False)


def _time(record: logging.LogRecord) -> str:
    """UTC, as ISO 8601 has it."""
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # arguments that do not fit
        return f"{record.msg} {record.args}"


def _traceback(record: logging.LogRecord) -> str:
    return logging.Formatter().formatException(record.exc_info) if record.exc_info else ""


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields = getattr(record, "fields", None)
    return fields if isinstance(fields, dict) else {}


def _plain(value: Any) -> Any:
    """What JSON can hold: infinities, NaN and anything of other kinds become text."""
    match value:
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case float():
            return value if math.isfinite(value) else str(value)
        case str() | int() | None:
            return value
    return str(value)


def _note(text: str) -> logging.LogRecord:
    return _LOG.makeRecord(_LOG.name, logging.WARNING, __file__, 0, text, (), None)


def _has_sentence(error: BaseException) -> bool:
    """Whether the command line knows what to say: see `lab/endings.py`."""
    return isinstance(error, LabError | OSError) or hasattr(error, "exit_code") or no_space(error)


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    _LOG.warning("%s: %s (%s:%d)", category.__name__, message, filename, lineno)


def _thread_ended(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        name = args.thread.name if args.thread else "unknown"
        _LOG.error("the thread %s ended", name, exc_info=args.exc_value)
