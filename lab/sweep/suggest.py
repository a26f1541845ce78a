"""What an adaptive sampler would try next: a pure function of everything tried before.

Design choices:
- nothing lives on between two questions: Optuna's study is built anew from the trials that have
  ended, in plan order, so a sweep that was interrupted goes on as if it had not been;
- TPE and GP learn from a plain list of trials. CMA-ES and NSGA-II mark each trial with its
  generation when they are asked for it: their trials are asked for and told again, batch by batch;
- the settings suggested in one batch are pending: TPE and GP keep away from them;
- settings that cannot be tried, or were tried before, are put aside and the sampler is asked
  again; where it insists, a uniform draw takes their place.
"""

import math
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import groupby
from typing import TYPE_CHECKING, assert_never

from lab.config.samplers import CmaEs, Gp, Grid, Nsga2, QuasiRandom, Sampler, Tpe, UniformRandom
from lab.config.space import Range, Scalar, Settings
from lab.errors import ConfigError, SweepError
from lab.sweep.ask import Ask
from lab.sweep.distributions import distribution, distributions, params, suggested
from lab.sweep.outcomes import Outcome, outcomes, typical
from lab.sweep.quiet import quiet
from lab.sweep.trials import Trial

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial, TrialState
    from optuna.trial import Trial as OptunaTrial

ASKED, DRAWN = 100, 1000  # suggestions, then uniform draws, for one that can be tried
CAN_BE_TRIED = "can be tried"  # a constraint of the GP's: below 0 where it holds


def require(sampler: Sampler) -> None:
    """Raises `ConfigError` where a sampler needs a package that is not installed."""
    if isinstance(sampler, CmaEs) and find_spec("cmaes") is None:
        raise ConfigError("sampler cma-es: the package cmaes is not installed; pip install cmaes")


def suggest(ask: Ask) -> list[Settings]:
    """The next settings to try; raises `SweepError` where too few can be."""
    with quiet():
        asking = _Asking(ask)
        partial = [*ask.partial, *[Settings()] * ask.count][: ask.count]
        return [asking.one(fixed) for fixed in partial]


class _Asking:
    """One batch: the study it is asked of, and what has been tried."""

    def __init__(self, ask: Ask) -> None:
        from optuna.samplers import RandomSampler

        known = [trial.values for trial in ask.warm]
        is_tpe = isinstance(ask.tune.sampler, Tpe)
        self.ask = ask
        self.outcomes = outcomes(ask.told, ask.objectives, known=known, curves=is_tpe)
        self.values = known + [outcome.values for outcome in self.outcomes if outcome.values]
        self.study = _rebuilt(ask, self.outcomes)
        self.draws = _study(ask, RandomSampler(seed=ask.stream("draw")))
        self.tried = {_key(trial.settings) for trial in ask.told}

    def one(self, fixed: Settings) -> Settings:
        """Settings that keep what is fixed: the sampler's, else a draw, else tried before."""
        spare, reason = None, ""
        for study, most, repeats in ((self.study, ASKED, 3), (self.draws, DRAWN, 64)):
            for _ in range(most):
                trial, settings = _asked(self.ask, study, fixed)
                against = self.ask.feasible(settings)
                if against is None and (settings == fixed or _key(settings) not in self.tried):
                    return self._taken(settings, drawn=study is self.draws)
                if settings == fixed:
                    raise SweepError(f"tune.try: {fixed} cannot be tried: {against}")
                if against is None:
                    spare, repeats = settings, repeats - 1
                if repeats == 0:
                    break
                reason = against or reason
                if study is self.study:
                    self._put_aside(trial, repeated=against is None)
        if spare is None:
            raise SweepError(
                f"tune: of {ASKED} suggestions and {DRAWN} uniform draws none can be tried; the "
                f"last was passed over because {reason}; widen the space or the constraints"
            )
        return self._taken(spare, drawn=False)

    def _taken(self, settings: Settings, *, drawn: bool) -> Settings:
        self.tried.add(_key(settings))
        if drawn:
            _asked(self.ask, self.study, settings)  # pending
        return settings

    def _put_aside(self, trial: "OptunaTrial", *, repeated: bool) -> None:
        """Nobody learns from it, but the sampler must not suggest it at once again."""
        match self.ask.tune.sampler:
            case Gp(startup=startup) if not repeated and len(self.values) >= startup:
                # kept pending, it would be suggested again beside itself, at great cost
                trial.set_constraint(CAN_BE_TRIED, 1.0)
                self.study.tell(trial, typical(self.values))
            case CmaEs() | Nsga2():
                self.study.tell(trial, state=_state("FAIL"))
            case _:
                pass  # pending


def _study(ask: Ask, sampler: "BaseSampler") -> "Study":
    import optuna

    directions = [objective.direction for objective in ask.objectives]
    return optuna.create_study(sampler=sampler, directions=directions)


def _rebuilt(ask: Ask, told: Sequence[Outcome]) -> "Study":
    """The study that the sampler is asked of: all that ended, in order."""
    study = _study(ask, sampler_of(ask))
    if isinstance(ask.tune.sampler, CmaEs | Nsga2):
        both = zip(ask.told, told, strict=True)
        for _, batch in groupby(both, key=lambda pair: pair[0].batch):
            _replay(ask, study, list(batch))
        study.sampler = sampler_of(ask)
        return study
    for warm in ask.warm:
        study.add_trial(_frozen(ask, warm.settings, Outcome("COMPLETE", warm.values)))
    for trial, outcome in zip(ask.told, told, strict=True):
        study.add_trial(_frozen(ask, trial.settings, outcome))
    return study


def _replay(ask: Ask, study: "Study", batch: Sequence[tuple[Trial, Outcome]]) -> None:
    asked = [_asked(ask, study, trial.settings)[0] for trial, _ in batch]
    for trial in asked:
        _ = trial.relative_params  # only now, as all is fixed, the sampler marks the trial
    for trial, (_, outcome) in zip(asked, batch, strict=True):
        if outcome.state != "RUNNING":
            study.tell(trial, outcome.values, state=_state(outcome.state))


def _asked(ask: Ask, study: "Study", fixed: Settings) -> "tuple[OptunaTrial, Settings]":
    """A new trial that keeps what is fixed."""
    if fixed:
        study.enqueue_trial(params(ask.tune.space, fixed))
    trial = study.ask()
    return trial, suggested(trial, ask.tune.space, fixed=fixed, smooth=ask.is_smooth)


def _frozen(ask: Ask, settings: Settings, outcome: Outcome) -> "FrozenTrial":
    from optuna.trial import create_trial

    space = ask.tune.space
    return create_trial(
        state=_state(outcome.state),
        values=outcome.values,
        params=params(space, settings),
        distributions=distributions(space, settings, smooth=ask.is_smooth),
        intermediate_values=outcome.curve,
        constraints={CAN_BE_TRIED: -1.0} if ask.is_smooth else None,
    )


def _state(name: str) -> "TrialState":
    from optuna.trial import TrialState

    return TrialState[name]


def sampler_of(ask: Ask) -> "BaseSampler":
    """Optuna's sampler for one batch, seeded."""
    from optuna.samplers import GPSampler, NSGAIISampler, TPESampler

    seed = ask.stream("ask")
    match ask.tune.sampler:
        case Tpe(startup=startup):
            grouped = any(entry.when for entry in ask.tune.space.values())
            return TPESampler(seed=seed, n_startup_trials=startup, multivariate=True, group=grouped)
        case Gp(startup=startup):
            return GPSampler(seed=seed, n_startup_trials=startup, warn_independent_sampling=False)
        case CmaEs(population=population):
            return _cma_es(ask, seed, population)
        case Nsga2(population=population):
            return NSGAIISampler(seed=seed, population_size=population)
        case QuasiRandom() | UniformRandom() | Grid():
            raise AssertionError(f"{ask.tune.sampler.kind} has a list")
        case unreachable:
            assert_never(unreachable)


def _cma_es(ask: Ask, seed: int, population: int | None) -> "BaseSampler":
    """Over the ranges that are always there; the other settings are left to a TPE for each."""
    from optuna.samplers import CmaEsSampler, TPESampler

    numbers = {
        name: distribution(entry)
        for name, entry in ask.tune.space.items()
        if isinstance(entry, Range) and not entry.when
    }

    class OverNumbers(CmaEsSampler):
        """Optuna would search what all trials so far happened to have."""

        def infer_relative_search_space(
            self, study: "Study", trial: "FrozenTrial"
        ) -> "dict[str, BaseDistribution]":
            return numbers

    least = 4 + int(3 * math.log(len(numbers)))
    width = ask.tune.width
    return OverNumbers(
        seed=seed,
        n_startup_trials=0,
        popsize=population or math.ceil(least / width) * width,
        independent_sampler=TPESampler(seed=seed, multivariate=False),
        warn_independent_sampling=False,
        source_trials=_sources(ask, numbers) or None,
    )


def _sources(ask: Ask, numbers: "dict[str, BaseDistribution]") -> "list[FrozenTrial]":
    """Earlier trials by their numbers alone. CMA-ES starts at the best tenth of them.

    Fewer than ten are repeated, so that there is a best tenth: the best one.
    """
    from optuna.trial import create_trial

    found = [
        create_trial(
            values=trial.values,
            params={name: trial.settings[name] for name in numbers},
            distributions=numbers,
        )
        for trial in ask.warm
    ]
    return found * (10 if len(found) < 10 else 1)


def _key(settings: Settings) -> tuple[tuple[str, str, Scalar], ...]:
    return tuple(sorted((name, type(x).__name__, x) for name, x in settings.items()))
