"""How much is trained to confirm an answer, and what counts as one."""

from typing import Literal

from pydantic import Field, model_validator

from lab.config.base import Strict

TWIN_FROM = 6  # seeds: fewer say little about a twin


class ConfirmConfig(Strict):
    """Fresh seeds, paired between variants.

    `anytime` adds seeds until each comparison is settled and stays valid under that stop;
    `fixed` trains `max_seeds` seeds of each variant and looks once. `metric` is what is compared
    on the split that is judged, lower being better: `loss`, `bpb`, `loss@256` at one of
    `evaluate.lengths`, and of a task `excess`, the loss over the best possible one. `twin` adds a
    control: the baseline's own runs with other initial values, which ought to make no difference.
    """

    test: Literal["anytime", "fixed"] = "anytime"
    min_seeds: int | None = Field(None, ge=2, description="None means 4, or max_seeds if fixed")
    max_seeds: int = Field(ge=2, le=1000)
    alpha: float = Field(0.05, gt=0, lt=0.5)
    margin: float | None = Field(None, gt=0, description="differences below it do not matter")
    metric: str | None = Field(None, description="None means what tuning goes by")
    twin: bool | None = Field(None, description="None means from max_seeds=6 on")

    @model_validator(mode="after")
    def _seeds_fit(self) -> "ConfirmConfig":
        if self.first_seeds > self.max_seeds:
            raise ValueError(f"min_seeds={self.min_seeds} is more than max_seeds={self.max_seeds}")
        if self.test == "fixed" and self.first_seeds != self.max_seeds:
            raise ValueError(
                f"a fixed test looks once, after max_seeds={self.max_seeds}: "
                f"leave out min_seeds={self.min_seeds}, or use test: anytime"
            )
        return self

    @property
    def has_twin(self) -> bool:
        return self.max_seeds >= TWIN_FROM if self.twin is None else self.twin

    @property
    def first_seeds(self) -> int:
        """Seeds trained before the first look."""
        if self.min_seeds is not None:
            return self.min_seeds
        return self.max_seeds if self.test == "fixed" else min(4, self.max_seeds)
