"""A question: a base run, what is compared, how each of it is tuned and confirmed.

An *arm* is what is tuned and trained: a variant, or a combination of factors' levels, at one scale.
"""

import itertools
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from lab.config.arms import arms_of, check_names, twins_of
from lab.config.base import Strict
from lab.config.confirm import ConfirmConfig
from lab.config.contrasts import Contrast, at_scale, cells, effects, pair
from lab.config.execution import Alone, Execution, stated
from lab.config.launcher import Launcher, Local
from lab.config.metric import length_of, metric_fault
from lab.config.objective import Objective, unknown_of
from lab.config.run import RunConfig
from lab.config.shorthand import spelled_out
from lab.config.space import Fragment, Scalar, changes
from lab.config.tune import TuneConfig

Match = Literal["tokens", "flops", "parameters", "wall-clock"]


class SweepConfig(Strict):
    question: str = Field(min_length=1)
    base: RunConfig
    baseline: str | None = None
    variants: dict[str, Fragment] = Field({"base": {}}, min_length=1)
    factors: dict[str, dict[str, Fragment]] = Field({}, description="all combinations of levels")
    scales: dict[str, Fragment] = Field({}, description="at each of these, everything is compared")
    compare: Literal["baseline", "all"] = "baseline"
    match: Match = Field("tokens", description="what is made equal between the variants")
    matched: dict[str, Fragment] = Field({}, description="by arm; filled in by the lab")
    tune: TuneConfig | None = None
    confirm: ConfirmConfig | None = None
    packages: Literal["all", "confirm", "best"] = "all"
    retries: int = Field(2, ge=0, le=100, description="further attempts of a run that goes wrong")
    timeout: float = Field(1800, gt=0, description="seconds without progress: the run hangs")
    execution: Execution = Field(Alone(), description="how runs are executed; no part of a run")
    launcher: Launcher = Field(Local(), exclude=True, description="where; no part of the question")

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        return super().parse(spelled_out(raw))

    def completed(self, matched: Mapping[str, Any]) -> "SweepConfig":
        """With what is made equal between the variants."""
        where = {"launcher": self.launcher.dump()}  # which no dump has
        return self.parse({**self.dump(), **where, "matched": dict(matched)})

    @model_validator(mode="after")
    def _parts_fit(self) -> "SweepConfig":
        check_names(self)
        seeds = self.confirm_seed(self.confirm.max_seeds if self.confirm else 0)
        if seeds >= 2**32:
            raise ValueError(
                f"base.seed={self.base.seed} leaves no room below 2**32 for "
                f"{seeds - self.base.seed} more; take a smaller one"
            )
        if self.packages == "confirm" and self.confirm is None:
            raise ValueError("packages: confirm needs a section confirm; use all or best")
        if self.tune and self.confirm and not self.base.data.has_test:
            raise ValueError(
                "confirmation after tuning is judged on a test split that tuning never read: "
                "give data.splits a third share above 0, such as [0.9, 0.05, 0.05]"
            )
        if self.tune and self.tune.objective and self.comparisons:
            raise ValueError(
                f"tune.objective: variants are tuned by what they are compared by, "
                f"{self.tuning_metric}; leave it out, or search without variants"
            )
        executed = stated(self.execution)
        if self.match == "wall-clock" and (executed is None or executed.kind != "alone"):
            raise ValueError(
                "match: wall-clock goes by the seconds of runs that train alone on so many "
                "threads; take execution: {kind: alone, threads: 1}, or match: flops"
            )
        if len(self.objectives) > 1 and (self.confirm or self.packages == "best"):
            part = "confirm" if self.confirm else "packages: best"
            raise ValueError(
                f"{part}: several objectives have no one best trial; leave it out, "
                "or give one objective"
            )
        if self.confirm and self.confirm.metric is not None:
            several = self._has_tokenizers
            if fault := metric_fault(self.confirm.metric, self.base, several_tokenizers=several):
                raise ValueError(fault)
        for objective in self.objectives:
            if fault := unknown_of(objective.metric, task=self.base.data.is_task):
                raise ValueError(fault)
        return self

    @cached_property
    def arms(self) -> dict[str, Fragment]:
        """All that is tuned and trained: what each changes of the base run, by name."""
        return arms_of(self)

    @cached_property
    def references(self) -> dict[str | None, str]:
        """The arm that others are compared with, by scale: `baseline`, else the first."""
        if self.factors:
            first = next(iter(cells(self.factors).values()))
        else:
            first = self.baseline or next(iter(self.variants))
        return {scale: at_scale(first, scale) for scale in self.scales or (None,)}

    @property
    def reference(self) -> str:
        """The arm that others are compared with, at the first scale where there are several."""
        return next(iter(self.references.values()))

    def reference_of(self, arm: str) -> str:
        """The reference of an arm's scale."""
        return self.references[self.scale_of(arm)]

    def scale_of(self, arm: str) -> str | None:
        return arm.rpartition("@")[2] if self.scales else None

    def variant_of(self, arm: str) -> str:
        """An arm's name without its scale."""
        return arm.rpartition("@")[0] if self.scales else arm

    @property
    def comparisons(self) -> list[str]:
        """The arms that are no reference."""
        return [name for name in self.arms if name not in self.references.values()]

    @cached_property
    def contrasts(self) -> tuple[Contrast, ...]:
        """What the question asks: α is shared among those that can be judged."""
        found: list[Contrast] = []
        for scale, reference in self.references.items():
            arms = [arm for arm in self.arms if self.scale_of(arm) == scale]
            if self.factors:
                found += effects(self.factors, scale=scale)
            elif self.compare == "all":
                arms.sort(key=lambda arm: arm != reference)  # all others are told from it
                found += (pair(b, a, scale=scale) for a, b in itertools.combinations(arms, 2))
            else:
                found += (pair(arm, reference, scale=scale) for arm in arms if arm != reference)
        return tuple(found)

    @cached_property
    def twins(self) -> dict[str, str]:
        """The reference that each twin repeats from other initial values, by the twin's name."""
        return twins_of(self)

    @property
    def controls(self) -> tuple[Contrast, ...]:
        """The twins' comparisons, which ought to find nothing."""
        return tuple(
            pair(twin, reference, scale=self.scale_of(reference), effect="twin")
            for twin, reference in self.twins.items()
        )

    @property
    def is_search(self) -> bool:
        """Whether the question is a search: settings are sought, no variants compared."""
        return self.tune is not None and not self.comparisons

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What the trials are judged by."""
        if self.tune and self.tune.objective:
            return self.tune.objective
        in_bits = self._has_tokenizers or (self.confirm and self.confirm.metric == "bpb")
        return (Objective(metric="val/bpb" if in_bits else "val/loss"),)

    @property
    def tuning_metric(self) -> str:
        """The objective, or the first of several."""
        return self.objectives[0].metric

    @property
    def endpoint(self) -> str:
        """The metric that is confirmed: nats a token, or bits a byte where tokenizers differ."""
        split, objective = "test" if self.base.data.has_test else "val", self.objectives[0]
        if self.confirm and self.confirm.metric is not None:
            return f"{split}/{self.confirm.metric}"
        is_lower = objective.metric.startswith("val/") and objective.sign > 0
        return f"{split}/{objective.metric.removeprefix('val/') if is_lower else 'loss'}"

    @property
    def judged_length(self) -> int | None:
        """The tokens of the windows that are judged; None for those of training."""
        return length_of(self.endpoint)

    @property
    def judged(self) -> list[Contrast]:
        """The contrasts that can be made: α is shared among these."""
        return [c for c in self.contrasts if all(self.answers(arm) for arm in c.weights)]

    def answers(self, name: str) -> bool:
        """Whether an arm is defined at the length that is judged."""
        if (length := self.judged_length) is None:
            return True
        longest = self.variant(name).model.longest
        return longest is None or length <= longest

    def endpoint_of(self, name: str) -> str:
        """What a judged run of an arm has: the endpoint, or its loss where it has no answer."""
        return self.endpoint if self.answers(name) else f"{self.endpoint.split('/')[0]}/loss"

    @property
    def _has_tokenizers(self) -> bool:
        """Whether variants may have tokenizers of their own, whose tokens are not alike."""
        paths = [path for fragment in self.arms.values() for path in fragment]
        return any(path.startswith("data.tokenizer") for path in paths)

    def confirm_seed(self, k: int) -> int:
        """The k-th seed of the confirmation, counted from 1, after those that tuning sees."""
        return self.base.seed + (self.tune.seeds - 1 if self.tune else 0) + k

    def variant(
        self, name: str, settings: Mapping[str, Scalar] | None = None, *, seed: int | None = None
    ) -> RunConfig:
        """The run of one arm, or of a twin, at some tuned settings; None means its own seed."""
        arm = self.twins.get(name, name)
        changed = {**self.arms[arm], **self.matched.get(arm, {}), **self.changes(settings or {})}
        if arm != name:
            changed["init_stream"] = "twin"
        if seed is not None:
            changed["seed"] = seed
        return self.base.replaced(changed)

    def changes(self, settings: Mapping[str, Scalar]) -> dict[str, Any]:
        """What tuned settings change in a run's config, by dotted path."""
        return changes(self.tune.space, settings) if self.tune else {}
