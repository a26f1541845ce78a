"""A tracker that keeps nothing, for runs that nobody watches."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.track.base import RunInfo


class NullTracker:
    def start(self, info: RunInfo, *, step: int) -> None:
        pass

    def log(self, metrics: Mapping[str, float], *, step: int) -> None:
        pass

    def sample(self, text: str, *, step: int) -> None:
        pass

    def summary(self, values: Mapping[str, Any]) -> None:
        pass

    def artifact(self, folder: Path) -> None:
        pass

    def finish(self, *, status: str) -> None:
        pass
