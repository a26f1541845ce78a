"""One thread that does what it is told, in order, and stops at its first error.

Design choices:
- `put` never waits and never raises: whoever calls it is training;
- the thread is a daemon and `close` has a limit, so a call that hangs can hold nothing up;
- the first error is reported once; what was queued behind it, or comes later, is dropped.
"""

import threading
from collections.abc import Callable
from queue import SimpleQueue

Call = Callable[[], None]


class Background:
    def __init__(self, *, name: str, on_error: Callable[[BaseException], None]) -> None:
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._on_error = on_error
        self._over = threading.Event()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def put(self, call: Call) -> None:
        if not self._over.is_set():
            self._calls.put(call)

    def close(self, *, timeout: float) -> bool:
        """Wait for what is queued; False when `timeout` seconds were not enough."""
        self._calls.put(None)
        return self._over.wait(timeout)

    def _work(self) -> None:
        try:
            while (call := self._calls.get()) is not None:
                call()
        except BaseException as error:  # SystemExit too: no thread of ours may end in a traceback
            self._on_error(error)
        finally:
            self._over.set()
