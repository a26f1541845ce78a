"""A question: a base run, the variants to compare, how each is tuned and confirmed."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from lab.config.base import Strict
from lab.config.run import RunConfig


class Range(Strict):
    """An interval to search, on a linear or a logarithmic scale."""

    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _is_an_interval(self) -> "Range":
        if self.low >= self.high:
            raise ValueError(f"low={self.low:g} must lie below high={self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(
                f"a logarithmic range cannot start at low={self.low:g}; give a positive low"
            )
        return self


class QuasiRandom(Strict):
    """A scrambled Sobol sequence: even coverage, the same points for every variant."""

    kind: Literal["quasi-random"] = "quasi-random"


class UniformRandom(Strict):
    """Independent uniform points, the same for every variant."""

    kind: Literal["random"] = "random"


Sampler = Annotated[QuasiRandom | UniformRandom, Field(discriminator="kind")]


class TuneConfig(Strict):
    """Every variant gets the same number of trials over the same space.

    The last `refine` trials search around each variant's own best; by default a third of them.
    """

    sampler: Sampler = QuasiRandom()
    trials: int = Field(ge=1, le=10_000)
    refine: int | None = Field(None, ge=0, description="None means a third of the trials")
    space: dict[str, Range] = Field(min_length=1)

    @model_validator(mode="after")
    def _something_is_explored(self) -> "TuneConfig":
        if self.refine is not None and self.refine >= self.trials:
            raise ValueError(
                f"refine={self.refine} must leave at least one of trials={self.trials}"
            )
        return self

    @property
    def n_refine(self) -> int:
        return self.trials // 3 if self.refine is None else self.refine

    @property
    def n_explore(self) -> int:
        return self.trials - self.n_refine


class ConfirmConfig(Strict):
    """Fresh seeds, paired between variants.

    `anytime` adds seeds until each comparison is settled and stays valid under that stop;
    `fixed` trains `max_seeds` seeds of each variant and looks once.
    """

    test: Literal["anytime", "fixed"] = "anytime"
    min_seeds: int | None = Field(None, ge=2, description="None means 4, or max_seeds if fixed")
    max_seeds: int = Field(ge=2, le=1000)
    alpha: float = Field(0.05, gt=0, lt=0.5)
    margin: float | None = Field(None, gt=0, description="differences below it do not matter")

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
    def first_seeds(self) -> int:
        """Seeds trained before the first look."""
        if self.min_seeds is not None:
            return self.min_seeds
        return self.max_seeds if self.test == "fixed" else min(4, self.max_seeds)


Fragment = dict[str, Any]
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.IGNORECASE)


class SweepConfig(Strict):
    question: str = Field(min_length=1)
    base: RunConfig
    baseline: str | None = None
    variants: dict[str, Fragment] = Field({"base": {}}, min_length=1)
    tune: TuneConfig | None = None
    confirm: ConfirmConfig | None = None
    packages: Literal["all", "confirm", "best"] = "all"

    @model_validator(mode="after")
    def _parts_fit(self) -> "SweepConfig":
        for name in self.variants:
            if not NAME.fullmatch(name):
                raise ValueError(
                    f"variant {name!r} names folders: use letters, digits, '.', '_' and '-'"
                )
        if self.baseline is not None and self.baseline not in self.variants:
            raise ValueError(
                f"baseline {self.baseline!r} is not among the variants: {', '.join(self.variants)}"
            )
        if self.confirm and self.base.seed + self.confirm.max_seeds >= 2**32:
            raise ValueError(
                f"base.seed={self.base.seed} leaves no room below 2**32 for "
                f"{self.confirm.max_seeds} more; take a smaller one"
            )
        if self.packages == "confirm" and self.confirm is None:
            raise ValueError("packages: confirm needs a section confirm; use all or best")
        if self.tune and self.confirm and not self.base.data.has_test:
            raise ValueError(
                "confirmation after tuning is judged on a test split that tuning never read: "
                "give data.splits a third share above 0, such as [0.9, 0.05, 0.05]"
            )
        return self

    @property
    def reference(self) -> str:
        """The variant that the others are compared with: `baseline`, else the first."""
        return self.baseline or next(iter(self.variants))

    @property
    def comparisons(self) -> list[str]:
        return [name for name in self.variants if name != self.reference]

    @property
    def endpoint(self) -> str:
        """The metric that is judged: nats a token, or bits a byte where tokenizers differ."""
        paths = [path for fragment in self.variants.values() for path in fragment]
        split = "test" if self.base.data.has_test else "val"
        return f"{split}/{'bpb' if any(p.startswith('data.tokenizer') for p in paths) else 'loss'}"

    @property
    def tuning_metric(self) -> str:
        return "val/" + self.endpoint.split("/")[1]

    def variant(self, name: str, settings: Mapping[str, float] | None = None) -> RunConfig:
        """The run of one variant, at some tuned settings."""
        return self.base.replaced({**self.variants[name], **(settings or {})})
