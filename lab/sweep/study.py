"""The trials in Optuna's own terms: a journal that its tools and its dashboard open.

One study a variant, named `<sweep>/<variant>`, or `<sweep>` where the sweep is a search. The
journal is a cache: trials are appended as they end, in their order, and it is rebuilt whenever it
does not hold exactly what they say; nothing is ever decided from it.
"""

import json
from collections.abc import Sequence
from itertools import takewhile
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lab.config.sweep import SweepConfig
from lab.sweep.distributions import distributions, params
from lab.sweep.earlier import WarmTrial
from lab.sweep.quiet import quiet
from lab.sweep.trials import Trial

if TYPE_CHECKING:
    from optuna.storages import JournalStorage
    from optuna.trial import FrozenTrial

STATES = {"complete": "COMPLETE", "pruned": "PRUNED", "diverged": "FAIL", "failed": "FAIL"}
PATIENCE = 10  # seconds after which the lock of a writer that was killed is broken
Kept = tuple[str, str, list[float] | None, dict[str, Any], dict[int, float], dict[str, Any]]


def record(
    file: Path,
    *,
    name: str,
    plan_hash: str,
    question: SweepConfig,
    trials: Sequence[Trial],
    warm: Sequence[WarmTrial] = (),
) -> None:
    """Bring the journal at `file` up to date with the trials that ended.

    A trial is told once all before it have ended. A journal of another plan is kept beside it as
    `.earlier`, one that does not agree with the trials as `.damaged`.
    """
    assert question.tune is not None
    about = {
        "plan": plan_hash,
        "question": question.question,
        "warm": [trial.dump() for trial in warm],
    }
    with quiet():
        told = {
            name if question.is_search else f"{name}/{variant}": _ended(variant, question, trials)
            for variant in question.arms
        }
        for left in file.parent.glob(f"{file.name}.lock*.rename"):  # by a writer that was killed
            left.unlink(missing_ok=True)
        fault = _fault(file, plan_hash, told)
        if fault:
            file.replace(file.with_name(f"{file.name}.{fault}"))
        _append(_open(file), question, about, told)


def _ended(variant: str, question: SweepConfig, trials: Sequence[Trial]) -> "list[FrozenTrial]":
    mine = sorted((t for t in trials if t.variant == variant), key=lambda trial: trial.number)
    ended = takewhile(
        lambda pair: pair[0] == pair[1].number and pair[1].state != "running", enumerate(mine)
    )
    return [_frozen(trial, question) for _, trial in ended]


def _frozen(trial: Trial, question: SweepConfig) -> "FrozenTrial":
    from optuna.trial import TrialState, create_trial

    assert question.tune is not None
    curve = {step: value for step, value in trial.intermediate.items() if isfinite(value)}
    values = trial.values if trial.state in ("complete", "pruned") else None
    if trial.state == "pruned" and not values and curve and len(question.objectives) == 1:
        values = [curve[max(curve)]]  # as Optuna does
    about = {
        "state": trial.state,
        "source": trial.source,
        "batch": trial.batch,
        "runs": trial.runs,
        "replicates": trial.replicates,
        "tokens": trial.tokens,
        "full_tokens": trial.full_tokens,
        "reason": trial.reason,
    }
    return create_trial(
        state=TrialState[STATES[trial.state]],
        values=values,
        params=params(question.tune.space, trial.settings),
        distributions=distributions(question.tune.space, trial.settings),
        intermediate_values=curve,
        user_attrs=json.loads(json.dumps(about)),
    )


def _open(file: Path) -> "JournalStorage":
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    path = str(file.absolute())
    lock = JournalFileOpenLock(path, grace_period=PATIENCE)
    return JournalStorage(JournalFileBackend(path, lock_obj=lock))


def _fault(
    file: Path, plan_hash: str, told: "dict[str, list[FrozenTrial]]"
) -> Literal["earlier", "damaged"] | None:
    """Why a journal cannot be appended to."""
    import optuna

    if not file.exists():
        return None
    try:
        for line in file.read_bytes().splitlines(keepends=True)[-1:]:
            json.loads(line[: line.index(b"\n")])  # Optuna reads over a torn last line
        storage = _open(file)
        studies = [
            optuna.load_study(study_name=name, storage=storage)
            for name in optuna.get_all_study_names(storage)
        ]
    except Exception:  # whatever a damaged journal makes of Optuna's reader
        return "damaged"
    plans = {study.user_attrs.get("plan") for study in studies}
    if plans - {plan_hash, None}:
        return "earlier"
    for study in studies:
        there = [_kept(trial) for trial in study.get_trials(deepcopy=False)]
        due = [_kept(trial) for trial in told.get(study.study_name, [])]
        if there != due[: len(there)] or None in plans:
            return "damaged"
    return None


def _append(
    storage: "JournalStorage",
    question: SweepConfig,
    about: dict[str, Any],
    told: "dict[str, list[FrozenTrial]]",
) -> None:
    import optuna

    known = optuna.get_all_study_names(storage)
    for name, trials in told.items():
        if name in known:
            study = optuna.load_study(study_name=name, storage=storage)
        else:
            directions = [objective.direction for objective in question.objectives]
            study = optuna.create_study(study_name=name, storage=storage, directions=directions)
            study.set_metric_names([objective.metric for objective in question.objectives])
            for key, value in about.items():
                study.set_user_attr(key, value)
        study.add_trials(trials[len(study.get_trials(deepcopy=False)) :])


def _kept(trial: "FrozenTrial") -> Kept:
    """What must be the same in a journal."""
    return (
        trial.state.name,
        str(sorted(trial.distributions.items())),
        trial.values,
        trial.params,
        trial.intermediate_values,
        trial.user_attrs,
    )
