"""A sign of life in a file: whoever works changes it, whoever watches sees that it changes.

Design choices:
- nothing but change counts: clocks of two machines are never compared;
- it is replaced, not rewritten, and read, not looked at: so a network file system shows it soon.
"""

import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

BEAT = 2.0  # seconds


class Heartbeat:
    """Changes a file every few seconds, from a thread, until the block ends."""

    def __init__(self, file: Path, *, every: float = BEAT) -> None:
        self.file, self.every = file, every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        beside, count = self.file.with_name(f".{self.file.name}"), 0
        last = self._read_first()
        while True:
            count += 1
            with suppress(OSError):  # a full disk, or a folder that nobody wants any more
                beside.write_text(f"{last}{count}")
                beside.replace(self.file)
            if self._over.wait(self.every):
                return

    def _read_first(self) -> str:
        """What tells this life from the one before it."""
        with suppress(OSError, ValueError):
            return f"{int(self.file.read_text().split('.')[0]) + 1}."
        return "0."


class Pulse:
    """Sees whether the heart behind a file beats."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._seen: bytes | None = None

    def beats(self) -> bool:
        """Whether it has since this was asked last."""
        found = None
        with suppress(OSError):
            found = self.file.read_bytes()
        if found is None or found == self._seen:
            return False
        self._seen = found
        return True
