"""A work order: which run to train, where its parts go, and what is told about it."""

from typing import Any, Literal

from lab.config.base import Strict
from lab.config.execution import Kind
from lab.config.run import RunConfig
from lab.config.space import Settings

Judge = Literal["val", "test"]


class WorkOrder(Strict):
    """All that a worker knows. `labels` and `settings` are only passed on.

    `judge` is the split read once at the end, beside the validation split; `data` and `package`
    are folders: prepared tokens (None: a task, which needs none), and where the finished package
    goes (None: nowhere). A run that reaches `until`, a step before its last, saves its state and
    pauses. `execution` and `compiled` say how its steps are computed.
    """

    run: str
    digest: str
    config: RunConfig
    labels: dict[str, str]
    settings: Settings
    judge: Judge = "val"
    until: int | None = None
    threads: int = 1
    execution: Kind = "alone"
    compiled: bool = False
    data: str | None = None
    package: str | None = None
    provenance: dict[str, Any]
