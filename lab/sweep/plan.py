"""Which runs a question asks for: a pure function of the question and the results so far.

Design choices:
- a plan is known by its digests: a run is named `<arm>-<seed>-<digest8>`, so the same run is
  never asked for twice, whatever asked for it;
- runs come in rounds, and a round is decided only when the one before it is complete: what comes
  next depends on results in plan order, never on who finished first or how many worked;
- the same results give the same runs: continuing a sweep is telling its story again.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lab.config.digest import run_digest
from lab.config.pruners import rung_tokens
from lab.config.run import RunConfig
from lab.config.seeds import Span, seeds_of
from lab.config.space import Settings
from lab.config.sweep import SweepConfig
from lab.sweep.ask import Ask
from lab.sweep.earlier import Warm
from lab.sweep.feasible import Feasibility

Phase = Literal["tune", "confirm", "run"]
Result = Mapping[str, Any]
Judge = Callable[[Sequence["PlannedRun"], Mapping[str, Result]], set[str]]
Suggest = Callable[[Ask], list[Settings]]


@dataclass(frozen=True)
class PlannedRun:
    """One training that the plan asks for, to its end or `until` a step.

    `variant` is an arm or a twin, `trial` counts the tuning points of the arm.
    """

    name: str
    digest: str
    variant: str
    phase: Phase
    seed: int
    trial: int | None
    settings: Settings
    config: RunConfig
    until: int | None = None

    @property
    def labels(self) -> dict[str, str]:
        labels = {"variant": self.variant, "phase": self.phase}
        return labels if self.trial is None else labels | {"trial": str(self.trial)}

    def is_done(self, results: Mapping[str, Result]) -> bool:
        """Whether the results hold what this run was asked for."""
        result = results.get(self.name)
        if result is None or result["status"] in ("complete", "diverged", "failed"):
            return result is not None
        return self.until is not None and int(result["step"]) >= self.until


def _nobody(ask: Ask) -> list[Settings]:
    raise AssertionError(f"nobody was named to ask for {ask.tune.sampler.kind}")


@dataclass(frozen=True)
class Plan:
    """A question with the text it is asked of.

    `settled` says which arms need no more seeds, given the confirmation runs so far: it is handed
    in because statistics live elsewhere, and so is `suggest`, which asks an adaptive sampler.
    `asked` holds the settings of trials, by arm, that an adaptive sampler gave when they were
    first asked for: they stand.
    """

    question: SweepConfig
    corpus_digest: str
    settled: Judge = field(compare=False)
    vocab_sizes: Mapping[str, int] = field(default_factory=dict)
    tokenizer_digests: Mapping[str, str | None] = field(default_factory=dict)
    suggest: Suggest = field(default=_nobody, compare=False)
    warm: Warm = field(default_factory=Warm)
    asked: Mapping[str, Sequence[Settings]] = field(default_factory=dict)
    _made: dict[tuple[str, int, str], tuple[RunConfig, str]] = field(
        default_factory=dict, repr=False, compare=False
    )  # by variant, seed and settings: config and digest, which are asked for again and again
    _like: dict[str, RunConfig] = field(default_factory=dict, repr=False, compare=False)

    def rounds(self, results: Mapping[str, Result]) -> list[list[PlannedRun]]:
        """All rounds that can be known from these results; the last may be unfinished."""
        from lab.sweep.story import Story

        story = Story(self, results)
        story.advance()
        return story.rounds

    def packages(self, run: PlannedRun) -> bool:
        """Whether a run leaves a package; of `best`, those that may turn out to be it."""
        question = self.question
        return question.packages == "all" or question.confirm is None or run.phase == "confirm"

    def spans(self) -> dict[str, Span]:
        """The least and the greatest number of runs that each arm and twin may come to."""
        question, tune = self.question, self.question.tune
        most = tune.n_trials * tune.seeds if tune else int(question.confirm is None)
        settles = tune is not None and (tune.settle is not None or tune.pruner is not None)
        least = tune.n_trials if tune and settles else most
        seeds = seeds_of(question)
        found = {}
        for name in (*question.arms, *question.twins):
            first, last = seeds.get(name, (0, 0))
            is_tuned = name in question.arms
            found[name] = (least * is_tuned + first, most * is_tuned + last)
        return found

    def span(self) -> Span:
        """The least and the greatest number of runs that the plan may come to."""
        least, most = zip(*self.spans().values(), strict=True)
        return sum(least), sum(most)

    def work(self) -> dict[str, tuple[float, float]]:
        """The least and the greatest amount of training, in runs carried to their end, by arm."""
        found: dict[str, tuple[float, float]] = {**self.spans()}
        for arm in self.question.arms if self.rungs else ():
            assert self.question.tune is not None
            config, (least, most) = self.question.variant(arm), found[arm]
            first = min(1, self.rungs[0] / (config.train.steps * config.tokens_per_step))
            found[arm] = (least - (self.question.tune.n_trials - 1) * (1 - first), most)
        return found

    @property
    def rungs(self) -> list[int]:
        """The training tokens at which trials are judged."""
        tune = self.question.tune
        return rung_tokens(tune.pruner, self.question.base) if tune else []

    def against(self, variant: str) -> Feasibility:
        """Says why settings of a variant cannot be tried."""
        return Feasibility(self.question, variant, self.vocab_sizes.get(variant, 0))

    def run(
        self,
        variant: str,
        phase: Phase,
        seed: int,
        *,
        trial: int | None = None,
        settings: Settings | None = None,
        until: int | None = None,
    ) -> PlannedRun:
        """One run of an arm or of a twin, whose text is that of its reference."""
        settings = settings or {}
        key = variant, seed, json.dumps(settings)
        if key not in self._made:
            config = self.question.variant(variant, settings, seed=seed)
            config = config.sharing(self._like.setdefault(variant, config))
            self._made[key] = config, self._digest(variant, config)
        config, digest = self._made[key]
        name = f"{variant}-{seed}-{digest[:8]}"
        return PlannedRun(name, digest, variant, phase, seed, trial, settings, config, until)

    def _digest(self, variant: str, config: RunConfig) -> str:
        return run_digest(
            config,
            corpus_digest=self.corpus_digest,
            tokenizer_digest=self.tokenizer_digests.get(self.question.twins.get(variant, variant)),
        )
