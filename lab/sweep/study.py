"""The tuning trials in Optuna's own terms: one study a variant, told by ask and tell.

The study is a cache for Optuna's tools. It is rebuilt from plan and results whenever it does not
hold exactly the trials that they give; nothing is ever decided from it.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.config.sweep import SweepConfig
from lab.sweep.plan import PlannedRun, Result


def record(
    file: Path,
    question: SweepConfig,
    *,
    name: str,
    plan_hash: str,
    runs: Sequence[PlannedRun],
    results: Mapping[str, Result],
) -> None:
    """Bring the journal at `file` up to date with the finished tuning runs, in plan order."""
    assert question.tune is not None
    expected = {variant: _told(variant, question, runs, results) for variant in question.variants}
    try:
        _tell(file, question, name, plan_hash, expected)
    except Exception as error:
        logging.getLogger(__name__).info("the study is rebuilt: %s", error)
        file.rename(file.with_name(f"{file.name}.damaged")) if file.exists() else None
        _tell(file, question, name, plan_hash, expected)


def _told(
    variant: str,
    question: SweepConfig,
    runs: Sequence[PlannedRun],
    results: Mapping[str, Result],
) -> list[tuple[PlannedRun, Result]]:
    return [
        (run, results[run.name])
        for run in runs
        if run.phase == "tune" and run.variant == variant and run.name in results
    ]


def _tell(
    file: Path,
    question: SweepConfig,
    name: str,
    plan_hash: str,
    expected: Mapping[str, Sequence[tuple[PlannedRun, Result]]],
) -> None:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
    from optuna.trial import TrialState

    assert question.tune is not None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = str(file.absolute())
    storage = JournalStorage(JournalFileBackend(path, lock_obj=JournalFileOpenLock(path)))
    distributions: dict[str, Any] = {
        setting: optuna.distributions.FloatDistribution(span.low, span.high, log=span.log)
        for setting, span in question.tune.space.items()
    }
    for variant, trials in expected.items():
        study = optuna.create_study(
            storage=storage, study_name=f"{name}/{variant}", load_if_exists=True
        )
        study.set_user_attr("plan", plan_hash)
        known = study.get_trials(deepcopy=False)
        for index, (run, result) in enumerate(trials):
            if index < len(known):
                if (
                    known[index].user_attrs.get("run") != run.name
                    or not known[index].state.is_finished()
                ):
                    raise ValueError(f"trial {index} of {variant} is not {run.name}")
                continue
            study.enqueue_trial(run.settings)
            trial = study.ask(distributions)
            trial.set_user_attr("run", run.name)
            trial.set_user_attr("status", result["status"])
            if result["status"] == "complete":
                study.tell(trial, result["metrics"][question.tuning_metric])
            else:
                study.tell(trial, state=TrialState.FAIL)
        if len(known) > len(trials):
            raise ValueError(f"{variant} has trials that the plan does not know")
