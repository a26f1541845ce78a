"""A wave of trials carried from rung to rung, then from seed to seed.

Design choices:
- pruners judge the first seed's run only; the other seeds are trained for those it let through;
- a trial given up takes nothing with it: its runs stay as they are, and a run that another trial
  still needs goes on.
"""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lab.config.objective import value_of
from lab.config.pruners import WilcoxonPruner, rung_step
from lab.config.run import RunConfig
from lab.errors import SweepError
from lab.result import how_it_diverged
from lab.sweep.brackets import rungs_of
from lab.sweep.plan import PlannedRun, Result
from lab.sweep.pruning import at_rung, by_seeds
from lab.sweep.trials import Trial

if TYPE_CHECKING:
    from lab.sweep.story import Story


class Carrier:
    def __init__(self, story: "Story") -> None:
        self.story, self.plan = story, story.plan
        assert self.plan.question.tune is not None
        self.tune, self.objectives = self.plan.question.tune, self.plan.question.objectives
        self.rungs = self.plan.rungs
        self.reached: dict[tuple[str, int | None, int], dict[str, float]] = {}

    def carry(self, wave: Sequence[Trial]) -> Iterator[list[PlannedRun]]:
        """Ask for the wave's runs, round by round, and write into its trials what came of them."""
        for tokens in self.rungs:
            judged = {
                id(t): step
                for t in self._alive(wave)
                if tokens in rungs_of(t.bracket, self.rungs)
                and (step := rung_step(self._config(t), tokens)) is not None
            }
            at = [t for t in wave if id(t) in judged]
            yield [self._run(t, 0, until=judged[id(t)]) for t in at]
            self._judge(at, tokens, wave, judged)
        for k in range(self.tune.seeds):
            yield [self._run(trial, k) for trial in self._alive(wave)]
            for trial in self._alive(wave):
                self._told(trial, k)
            if k + 1 < self.tune.seeds:
                self._settle(wave, k + 1)
        for trial in self._alive(wave):
            trial.state, trial.values = "complete", _means(trial.replicates)

    def _judge(
        self, at: Sequence[Trial], tokens: int, wave: Sequence[Trial], steps: dict[int, int]
    ) -> None:
        assert self.tune.pruner is not None
        groups: dict[tuple[str, int | None, int], list[tuple[Trial, float]]] = {}
        for trial in at:
            value = self._at_step(trial, steps[id(trial)])
            if value is not None:
                key = (trial.variant, trial.bracket, tokens)
                groups.setdefault(key, []).append((trial, value))
        for key, group in groups.items():
            reached = self.reached.setdefault(key, {})
            here = {trial.runs[0]: value for trial, value in group}  # a run counts once
            earlier = [value for name, value in reached.items() if name not in here]
            sign = self.objectives[0].sign
            found = at_rung(self.tune.pruner, list(here.values()), earlier, sign=sign)
            reasons = dict(zip(here, found, strict=True))
            reached |= here
            for trial, _ in group:
                if (reason := reasons[trial.runs[0]]) is not None:
                    trial.state, trial.reason = "pruned", f"{reason}, at {tokens:,} tokens"
                    trial.tokens = tokens  # whatever another plan made of the run
        self._drop(wave)

    def _at_step(self, trial: Trial, step: int) -> float | None:
        """The first objective of a trial at a rung, less being better; None where it broke off."""
        name = trial.runs[0]
        result = self.story.results[name]
        self._observe(trial, result)
        if result["status"] in ("diverged", "failed"):
            self._broke(trial, result)
            return None
        seen = (result.get("evaluations") or {}).get(str(step))
        objective = self.objectives[0]
        if seen is None:
            raise SweepError(
                f"the result of {name} does not say what it evaluated to at step {step}; "
                "remove its folder below runs to train it again"
            )
        if objective.metric not in seen or not math.isfinite(seen[objective.metric]):
            trial.state, trial.reason = "diverged", f"{objective.metric} is not finite"
            return None
        trial.intermediate = {s: v for s, v in trial.intermediate.items() if s <= step}
        return objective.sign * float(seen[objective.metric])

    def _told(self, trial: Trial, k: int) -> None:
        """Write down what a trial's k-th seed came to."""
        result = self.story.results[trial.runs[k]]
        self._observe(trial, result)
        if result["status"] != "complete":
            self._broke(trial, result)
            return
        found = [value_of(objective.metric, result) for objective in self.objectives]
        values = [value for value in found if value is not None and math.isfinite(value)]
        if len(values) < len(found):
            trial.state, trial.reason = "diverged", "an objective is not finite"
            return
        trial.replicates.append(values)

    def _settle(self, wave: Sequence[Trial], n: int) -> None:
        """Give up the trials of a wave that are shown to be worse than the best by n seeds."""
        if len(self.objectives) > 1:
            return
        sign, pruner = self.objectives[0].sign, self.tune.pruner
        settle = None if isinstance(pruner, WilcoxonPruner) else self.tune.settle
        for variant in self.plan.question.arms:
            everyone = [t for t in self.story.trials if t.variant == variant and t.replicates]
            values = {id(t): [sign * v[0] for v in t.replicates] for t in everyone}
            reasons = {
                id(t): by_seeds(
                    values[id(t)],
                    list(values.values()),
                    pruner=pruner,
                    settle=settle,
                )
                for t in self._alive(wave)
                if id(t) in values and len(t.replicates) == n
            }
            for trial in wave:
                if (reason := reasons.get(id(trial))) is not None:
                    trial.state, trial.reason = "pruned", reason
                    trial.values = _means(trial.replicates)

    def _drop(self, wave: Sequence[Trial]) -> None:
        """Name the runs that nobody carries on."""
        needed = {self._planned(trial, 0).name for trial in self._alive(wave)}
        for trial in wave:
            for name in trial.runs:
                if trial.state == "pruned" and name not in needed and trial.reason:
                    self.story.given_up.setdefault(name, trial.reason)

    def _observe(self, trial: Trial, result: Result) -> None:
        """Tokens, counts and the learning curve of the first seed, as far as they are known."""
        names = dict.fromkeys(trial.runs)
        results = [self.story.results[name] for name in names if name in self.story.results]
        trial.tokens = sum(int(found.get("tokens") or 0) for found in results)
        model = result.get("model") or {}
        trial.counts = {
            key: int(model[key]) for key in ("n_params", "flops_per_token") if key in model
        }
        metric = self.objectives[0].metric
        seen = self.story.results[trial.runs[0]].get("evaluations") or {}
        trial.intermediate = {
            int(step): float(row[metric]) for step, row in seen.items() if metric in row
        }

    def _broke(self, trial: Trial, result: Result) -> None:
        failed = result["status"] == "failed"
        trial.state = "failed" if failed else "diverged"
        trial.reason = str(result.get("error")) if failed else how_it_diverged(result)

    def _alive(self, wave: Sequence[Trial]) -> list[Trial]:
        return [trial for trial in wave if trial.state == "running"]

    def _config(self, trial: Trial) -> RunConfig:
        return self._planned(trial, 0).config

    def _run(self, trial: Trial, k: int, *, until: int | None = None) -> PlannedRun:
        """The run of a trial's k-th seed, asked for."""
        run = self._planned(trial, k, until=until)
        if run.name not in trial.runs:
            trial.runs.append(run.name)
        self.story.given_up.pop(run.name, None)  # another trial had given it up
        return run

    def _planned(self, trial: Trial, k: int, *, until: int | None = None) -> PlannedRun:
        return self.plan.run(
            trial.variant,
            "tune",
            self.plan.question.base.seed + k,
            trial=trial.number,
            settings=trial.settings,
            until=until,
        )


def _means(replicates: Sequence[Sequence[float]]) -> list[float]:
    return [math.fsum(column) / len(column) for column in zip(*replicates, strict=True)]
