"""Where a run's wall time goes, by phase, across interruptions."""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Clock:
    """Seconds spent in named phases; a phase inside another is taken out of the outer one."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._since = time.perf_counter()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        self._settle()
        self._open.append(name)
        try:
            yield
        finally:
            self._settle()
            self._open.pop()

    def add(self, name: str, seconds: float) -> None:
        """Count seconds that were measured elsewhere, in no phase."""
        self.seconds[name] += seconds

    def restore(self, seconds: Mapping[str, float]) -> None:
        """Add what was spent before an interruption."""
        for name, spent in seconds.items():
            self.seconds[name] += spent

    def snapshot(self) -> dict[str, float]:
        """Seconds by phase until now."""
        self._settle()
        return dict(self.seconds)

    def _settle(self) -> None:
        now = time.perf_counter()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now
