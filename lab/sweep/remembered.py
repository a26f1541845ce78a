"""What a supervisor remembers of results: of a hundred thousand, no more than it goes by."""

import json
from typing import Any

from lab.sweep.plan import PlannedRun, Result

ALIKE = ("model", "data", "provenance")  # parts that many runs have the same


class Remembered:
    """Equal parts are remembered once, and a curve only where trials are judged by it."""

    def __init__(self) -> None:
        self._parts: dict[str, Any] = {}

    def __call__(self, run: PlannedRun, result: Result) -> Result:
        same = {name: self._once(result[name]) for name in ALIKE if result.get(name)}
        return {**result, **same, **({} if run.phase == "tune" else {"evaluations": {}})}

    def _once(self, part: Any) -> Any:
        return self._parts.setdefault(json.dumps(part), part)
