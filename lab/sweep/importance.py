"""How much of the difference between good trials and all trials each setting accounts for.

PED-ANOVA (Watanabe et al. 2023; for conditional settings 2026), as Optuna has it: a setting is
important where the good trials have other values of it than the rest. It says nothing of which
values are good, nor of settings that only matter together.
"""

from collections.abc import Sequence
from math import isfinite

from lab.config.objective import Objective
from lab.config.tune import TuneConfig
from lab.sweep.distributions import distributions, params
from lab.sweep.quiet import quiet
from lab.sweep.trials import Trial

LEAST = 4  # trials
GOOD, SHARE = 5, 0.1  # trials that are called good: a tenth of them, but five, but half


def importance(trials: Sequence[Trial], tune: TuneConfig, objective: Objective) -> dict[str, float]:
    """Shares of the settings that were tried, the greatest first; they sum to 1.

    A setting that is only there sometimes is judged by the trials that have it. Empty where
    nothing can be said: with fewer than four complete trials, or all of them equally good.
    """
    place = tune.objective.index(objective) if tune.objective else 0
    done = [
        (trial, trial.values[place])
        for trial in trials
        if trial.state == "complete" and trial.values and isfinite(trial.values[place])
    ]
    if len(done) < LEAST or len({value for _, value in done}) == 1:
        return {}
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    with quiet():
        study = optuna.create_study(direction=objective.direction)
        for trial, value in done:
            study.add_trial(
                optuna.trial.create_trial(
                    value=value,
                    params=params(tune.space, trial.settings),
                    distributions=distributions(tune.space, trial.settings),
                )
            )
        good = max(SHARE, min(GOOD / len(done), 0.5))
        evaluator = PedAnovaImportanceEvaluator(target_quantile=good)
        found = get_param_importances(study, evaluator=evaluator, normalize=False)
    total = sum(found.values())
    if not (isfinite(total) and total > 0):
        return {}
    shares = {name: found[name] / total for name in tune.space if name in found}
    return dict(sorted(shares.items(), key=lambda share: -share[1]))
