"""Which runs a question asks for: a pure function of the question and the results so far.

Design choices:
- a plan is known by its digests: a run is named `<variant>-<seed>-<digest8>`, so the same run is
  never asked for twice, whatever asked for it;
- runs come in rounds, and a round is decided only when the one before it is complete: what comes
  next depends on results in plan order, never on who finished first or how many worked;
- the same call on the same results gives the same runs: continuing a sweep is asking again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from lab.config.digest import digest, run_digest
from lab.config.run import RunConfig
from lab.config.sweep import SweepConfig
from lab.sweep.space import Settings, explore, refine

Phase = Literal["tune", "confirm", "run"]
Result = Mapping[str, Any]
Judge = Callable[[Sequence["PlannedRun"], Mapping[str, Result]], set[str]]


@dataclass(frozen=True)
class PlannedRun:
    """One training that the plan asks for; `trial` counts the tuning points of its variant."""

    name: str
    digest: str
    variant: str
    phase: Phase
    seed: int
    trial: int | None
    settings: Settings
    config: RunConfig

    @property
    def labels(self) -> dict[str, str]:
        labels = {"variant": self.variant, "phase": self.phase}
        return labels if self.trial is None else labels | {"trial": str(self.trial)}


@dataclass(frozen=True)
class Plan:
    """A question with the text it is asked of.

    `settled` says which variants need no more seeds, given the confirmation runs so far: it is
    handed in because statistics live elsewhere.
    """

    question: SweepConfig
    corpus_digest: str
    settled: Judge = field(compare=False)

    def rounds(self, results: Mapping[str, Result]) -> list[list[PlannedRun]]:
        """All rounds that can be known from these results; the last may be unfinished."""
        rounds: list[list[PlannedRun]] = []
        while batch := self._following(rounds, results):
            rounds.append(batch)
            if any(run.name not in results for run in batch):
                break
        return rounds

    def best(
        self, variant: str, runs: Sequence[PlannedRun], results: Mapping[str, Result]
    ) -> PlannedRun | None:
        """The tuning run with the least loss; diverged and failed ones count as the worst."""
        tried = [run for run in runs if run.variant == variant and run.phase == "tune"]
        done = [run for run in tried if results[run.name]["status"] == "complete"]
        metric = self.question.tuning_metric
        return min(done, key=lambda run: results[run.name]["metrics"][metric], default=None)

    def packages(self, run: PlannedRun) -> bool:
        """Whether a run leaves a package; of `best`, those that may turn out to be it."""
        question = self.question
        return question.packages == "all" or question.confirm is None or run.phase == "confirm"

    def span(self) -> tuple[int, int]:
        """The least and the greatest number of runs that the plan may come to."""
        variants, tune, confirm = (
            len(self.question.variants),
            self.question.tune,
            self.question.confirm,
        )
        tuning = variants * tune.trials if tune else 0
        if confirm is None:
            return (tuning, tuning) if tune else (variants, variants)
        first = confirm.first_seeds if self.question.comparisons else confirm.max_seeds
        return tuning + variants * first, tuning + variants * confirm.max_seeds

    @cached_property
    def _explored(self) -> list[Settings]:
        tune = self.question.tune
        return explore(tune, seed=self.question.base.seed) if tune else []

    def _following(
        self, rounds: list[list[PlannedRun]], results: Mapping[str, Result]
    ) -> list[PlannedRun]:
        question, before = self.question, [run for batch in rounds for run in batch]
        tuned = question.tune is not None
        if not rounds and tuned:
            points = dict.fromkeys(question.variants, self._explored)
            return self._trials(points, first=0)
        if len(rounds) == 1 and tuned and question.tune and question.tune.n_refine:
            return self._trials(self._refined(before, results), first=question.tune.n_explore)
        if question.confirm is None:
            return (
                []
                if rounds
                else [self._run(v, "run", question.base.seed) for v in question.variants]
            )
        return self._confirmation(before, results)

    def _refined(
        self, before: Sequence[PlannedRun], results: Mapping[str, Result]
    ) -> dict[str, list[Settings]]:
        tune, seed = self.question.tune, self.question.base.seed
        assert tune is not None
        best = {name: self.best(name, before, results) for name in self.question.variants}
        return {
            name: refine(tune, found.settings, seed=seed) if found else []
            for name, found in best.items()
        }

    def _trials(self, points: Mapping[str, Sequence[Settings]], *, first: int) -> list[PlannedRun]:
        """Trials of all variants, the first of each before the second of any."""
        seed, longest = self.question.base.seed, max(map(len, points.values()), default=0)
        return [
            self._run(variant, "tune", seed, trial=first + index, settings=settings[index])
            for index in range(longest)
            for variant, settings in points.items()
            if index < len(settings)
        ]

    def _confirmation(
        self, before: Sequence[PlannedRun], results: Mapping[str, Result]
    ) -> list[PlannedRun]:
        question, confirm = self.question, self.question.confirm
        assert confirm is not None
        chosen: dict[str, Settings] = {}
        for variant in question.variants:
            found = self.best(variant, before, results)
            if found is not None or question.tune is None:
                chosen[variant] = found.settings if found else {}
        if question.reference not in chosen:
            return []
        done = {run.seed for run in before if run.phase == "confirm"}
        if not done:
            first = confirm.first_seeds if question.comparisons else confirm.max_seeds
            seeds = range(1, first + 1)
            variants = set(chosen)
        elif len(done) < confirm.max_seeds and question.comparisons:
            seeds = range(len(done) + 1, len(done) + 2)
            variants = set(chosen) - self.settled(before, results)
            if variants <= {question.reference}:
                return []
        else:
            return []
        return [
            self._run(variant, "confirm", question.base.seed + k, settings=chosen[variant])
            for k in seeds
            for variant in question.variants
            if variant in variants
        ]

    def _run(
        self,
        variant: str,
        phase: Phase,
        seed: int,
        *,
        trial: int | None = None,
        settings: Settings | None = None,
    ) -> PlannedRun:
        config = self.question.variant(variant, {**(settings or {}), "seed": seed})
        identity = run_digest(config, corpus_digest=self.corpus_digest)
        name = f"{variant}-{seed}-{identity[:8]}"
        return PlannedRun(name, identity, variant, phase, seed, trial, settings or {}, config)


RULE = """\
Tuning: every variant is trained at the same {explore} points of the search space with one seed, \
then at {refine} more around its own best; the point with the least {tuning} is chosen. A trial \
that diverged or failed counts as the worst."""
CONFIRM_RULE = """\
Confirmation: the chosen settings are trained with seeds that tuning never saw, paired between \
variants, and judged by {endpoint} after the last step. {stop} Each of the {k} comparisons with \
{reference} is made at level {level:g}."""
ANYTIME = (
    "From {low} seeds on, one is added at a time until each comparison is settled, at most {high}."
)
FIXED = "{high} seeds, looked at once."


def rule(question: SweepConfig) -> str:
    """What will be run and what would count as an answer, in words."""
    parts = []
    if tune := question.tune:
        parts.append(
            RULE.format(explore=tune.n_explore, refine=tune.n_refine, tuning=question.tuning_metric)
        )
    if confirm := question.confirm:
        k = max(1, len(question.comparisons))
        stop = ANYTIME if confirm.test == "anytime" else FIXED
        parts.append(
            CONFIRM_RULE.format(
                endpoint=question.endpoint,
                stop=stop.format(low=confirm.first_seeds, high=confirm.max_seeds),
                k=k,
                reference=question.reference,
                level=confirm.alpha / k,
            )
        )
        if confirm.margin is not None:
            parts.append(f"Differences within {confirm.margin:g} count as equivalent.")
    return " ".join(parts) or "Every variant is trained once; no difference is judged."


def registration(
    plan: Plan, *, name: str, threads: int, vocab_sizes: Mapping[str, int]
) -> dict[str, Any]:
    """The content of `plan.json`: what is fixed before the first run, and its hash."""
    question = plan.question
    first = plan.rounds({})
    low, high = plan.span()
    costs = {}
    for variant in question.variants:
        model, vocab = question.variant(variant).model, vocab_sizes[variant]
        costs[variant] = {
            "n_params": model.n_params(vocab),
            "n_params_embedding": model.n_params_embedding(vocab),
            "flops_per_token": model.flops_per_token(vocab),
            "vocab_size": vocab,
        }
    content = {
        "schema": 1,
        "sweep": name,
        "question": question.question,
        "resolved": question.dump(),
        "corpus_digest": plan.corpus_digest,
        "rule": rule(question),
        "endpoint": question.endpoint,
        "threads": threads,
        "variants": costs,
        "runs": {"least": low, "greatest": high},
        "first_round": [run.name for batch in first for run in batch],
    }
    return content | {"hash": digest(content)}
