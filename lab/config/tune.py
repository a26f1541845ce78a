"""How settings are searched: over what, chosen how, judged by what, given up when.

With variants, each is searched alike, by the same rules; without, the search is the question.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, model_validator

from lab.config.base import Strict
from lab.config.constraint import parse_constraint
from lab.config.explain import did_you_mean
from lab.config.objective import Objective
from lab.config.pruners import MedianPruner, Pruner, WilcoxonPruner
from lab.config.samplers import Adaptive, CmaEs, Grid, QuasiRandom, Sampler, UniformRandom
from lab.config.space import (
    Choices,
    Range,
    Scalar,
    Settings,
    Space,
    grid,
    is_active,
    n_cells,
    ordered,
)

MOST = 10_000  # trials


class TuneConfig(Strict):
    """Every variant gets the same number of trials over the same space.

    `trials` counts all of them: those of `try` first, then the sampler's. After a quasi-random or
    random list, the last `refine` trials search around the best so far, by default a third.
    A trial is run with `seeds` seeds and judged by their mean; it ends early when one-sided tests
    say that it is worse than the best trial on the same seeds. `settle` is the chance that the
    truly best one ends so, over all its rivals and all looks.
    """

    sampler: Sampler = QuasiRandom()
    trials: int | None = Field(None, ge=1, le=MOST, description="a grid counts its cells")
    refine: int | None = Field(None, ge=0, description="None means a third of the trials")
    seeds: int = Field(1, ge=1, le=1000)
    settle: float | None = Field(0.05, gt=0, lt=0.5, description="None trains every seed")
    pruner: Pruner | None = None
    objective: tuple[Objective, ...] | None = Field(
        None, description="None means the validation loss"
    )
    space: Annotated[Space, Field(min_length=1)]
    constraints: tuple[str, ...] = ()
    enqueued: tuple[Settings, ...] = Field((), alias="try")
    warm_start: str | None = Field(None, description="the folder of an earlier sweep")

    @model_validator(mode="after")
    def _space_fits(self) -> "TuneConfig":
        if self.objective == ():
            raise ValueError("objective: name one metric or more, such as val/loss")
        metrics = [objective.metric for objective in self.objective or ()]
        if len(set(metrics)) < len(metrics):
            raise ValueError(f"objective: {', '.join(metrics)}: a metric stands there twice")
        for text in self.constraints:
            parse_constraint(text)
        for name, entry in self.space.items():
            if not name.strip():
                raise ValueError("space: a name is empty; give the setting's path")
            for parent, values in entry.when.items():
                self._check_condition(name, parent, values)
        ordered(self.space)
        for number, settings in enumerate(self.enqueued):
            self._check_enqueued(number, settings)
        return self

    @model_validator(mode="after")
    def _trials_fit(self) -> "TuneConfig":
        match self.sampler:
            case Grid():
                self._check_grid()
            case CmaEs() if sum(_is_numeric(entry) for entry in self.space.values()) < 2:
                raise ValueError(
                    "sampler cma-es needs two or more ranges without conditions; use tpe or gp"
                )
            case CmaEs() if len(self.objective or ()) > 1:
                raise ValueError("sampler cma-es takes one objective; use nsga-ii or tpe")
            case _:
                pass
        if not isinstance(self.sampler, Grid) and self.trials is None:
            raise ValueError("trials: required, but missing")
        if not self.refines and self.refine:
            raise ValueError(
                f"refine={self.refine}: only the ranges of a quasi-random or random list are "
                "refined, towards one objective; leave it out"
            )
        if self.n_explore < 1 and not isinstance(self.sampler, Grid):
            raise ValueError(
                f"refine={self.n_refine} and {len(self.enqueued)} settings to try must leave "
                f"at least one of trials={self.trials}"
            )
        if self.warm_start == "":
            raise ValueError("warm_start: give the folder of an earlier sweep, or leave it out")
        if self.warm_start is not None and not self.is_adaptive:
            raise ValueError(
                f"warm_start: a {self.sampler.kind} list learns nothing from earlier trials; "
                "use sampler tpe, gp or cma-es, or name their best settings in try"
            )
        return self

    @model_validator(mode="after")
    def _stops_fit(self) -> "TuneConfig":
        if self.pruner is None:
            return self
        if len(self.objective or ()) > 1:
            raise ValueError("pruner: with several objectives no trial can be given up early")
        objective = self.objective[0].metric if self.objective else "val/loss"
        match self.pruner:
            case WilcoxonPruner() if self.pruner.least_seeds >= self.seeds:
                least = self.pruner.least_seeds
                raise ValueError(
                    f"pruner wilcoxon: {least} seeds can give p = {0.5**least:.3g} at best, so "
                    f"seeds={self.seeds} never spares one at p={self.pruner.p:g}; "
                    f"give seeds: {least + 1} or more"
                )
            case WilcoxonPruner():
                return self
            case MedianPruner(startup=startup) if startup > self.n_trials:
                raise ValueError(
                    f"pruner median: startup={startup} of {self.n_trials} trials prunes none; "
                    "take a smaller one"
                )
            case _ if not objective.startswith(("val/", "train/")):
                raise ValueError(
                    f"pruner {self.pruner.kind}: {objective} is the same at every rung; "
                    "prune by a loss"
                )
            case _:
                return self

    def _check_grid(self) -> None:
        for name, entry in self.space.items():
            if entry.values() is None:
                raise ValueError(
                    f"space.{name}: a grid needs the values; list them, as [0.001, 0.003, 0.01], "
                    "or give a step"
                )
        if self.trials is not None or self.enqueued:
            raise ValueError("a grid names its trials itself; leave out trials and try")
        if n_cells(self.space, most=MOST + 1) > MOST:
            raise ValueError(f"the grid has more than {MOST:,} cells; list fewer values")

    def _check_condition(self, name: str, parent: str, values: Sequence[Scalar]) -> None:
        where = f"space.{name}.when"
        if parent not in self.space:
            near = did_you_mean(parent, [other for other in self.space if other != name])
            raise ValueError(f"{where}: {parent!r} is not in the space{near}")
        entry = self.space[parent]
        for value in values:
            if not entry.holds(value):
                raise ValueError(f"{where}: {parent} is never {value!r}; it is {entry.shown()}")
        if isinstance(entry, Range) and entry.count is None:
            raise ValueError(
                f"{where}: {parent} is any number of an interval, hardly ever {values[0]}; "
                "list its values, or give it a step"
            )

    def _check_enqueued(self, number: int, settings: Settings) -> None:
        where = f"try.{number}"
        for name, value in settings.items():
            if name not in self.space:
                near = did_you_mean(name, self.space)
                raise ValueError(f"{where}: {name} is not in the space{near}")
            if not self.space[name].holds(value):
                raise ValueError(f"{where}: {name}={value!r} is not in {self.space[name].shown()}")
            if not is_active(self.space[name], settings):
                needed = " and ".join(
                    f"{parent} is {' or '.join(map(str, values))}"
                    for parent, values in self.space[name].when.items()
                )
                raise ValueError(f"{where}: {name} is only there when {needed}; name that too")

    @property
    def is_adaptive(self) -> bool:
        return isinstance(self.sampler, Adaptive)

    @property
    def width(self) -> int:
        """Trials asked for at a time by an adaptive sampler."""
        return self.sampler.width if isinstance(self.sampler, Adaptive) else self.n_trials

    @property
    def refines(self) -> bool:
        """Whether trials follow around the best: along ranges only, choices are kept there."""
        lists = isinstance(self.sampler, QuasiRandom | UniformRandom)
        ranges = any(isinstance(entry, Range) for entry in self.space.values())
        return lists and ranges and len(self.objective or ()) < 2

    @property
    def n_trials(self) -> int:
        return len(grid(self.space)) if self.trials is None else self.trials

    @property
    def n_refine(self) -> int:
        if not self.refines:
            return 0
        return self.n_trials // 3 if self.refine is None else self.refine

    @property
    def n_explore(self) -> int:
        """Trials of the list before refinement, or asked of an adaptive sampler."""
        return self.n_trials - self.n_refine - len(self.enqueued)

    @property
    def is_numeric(self) -> bool:
        """Whether all of the space is ranges that are always there."""
        return all(_is_numeric(entry) for entry in self.space.values())


def _is_numeric(entry: Range | Choices) -> bool:
    return isinstance(entry, Range) and not entry.when
