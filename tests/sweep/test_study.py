"""The study is a cache: whatever happens to it, it comes back from plan and results."""

from pathlib import Path
from typing import Any

import pytest

from lab.config.sweep import SweepConfig
from lab.sweep import study
from lab.sweep.plan import Plan, PlannedRun, Result

RATE = "train.optimizer.lr"
QUESTION = SweepConfig.parse(
    {
        "question": "Which?",
        "base": {
            "data": {"corpus": {"kind": "python-docs"}},
            "model": {"n_layers": 1, "n_heads": 2, "d_model": 16, "max_seq_len": 16},
            "train": {"steps": 5, "batch_size": 2},
        },
        "variants": {"a": {}, "b": {"model.norm": {"kind": "rmsnorm"}}},
        "tune": {
            "trials": 3,
            "refine": 0,
            "space": {RATE: {"low": 1e-4, "high": 1e-1, "log": True}},
        },
    }
)
RUNS = Plan(QUESTION, "corpus", settled=lambda runs, results: set()).rounds({})[0]


def results(n: int, **status: str) -> dict[str, Result]:
    """Of the first n runs; `status` by the place of a run."""
    found: dict[str, Result] = {}
    for index, run in enumerate(RUNS[:n]):
        state = status.get(f"run{index}", "complete")
        metrics = {"val/loss": 2.0 + index} if state == "complete" else {}
        found[run.name] = {"status": state, "metrics": metrics}
    return found


def record(file: Path, found: dict[str, Result], runs: list[PlannedRun] = RUNS) -> None:
    study.record(file, QUESTION, name="s", plan_hash="h", runs=runs, results=found)


def trials(file: Path, variant: str) -> list[Any]:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(file)))
    return optuna.load_study(study_name=f"s/{variant}", storage=storage).trials


def test_trials_are_told_in_plan_order_and_once(tmp_path: Path) -> None:
    file = tmp_path / "study"
    record(file, results(3))
    record(file, results(6))
    record(file, results(6))
    for variant in "ab":
        mine = [run for run in RUNS if run.variant == variant]
        told = trials(file, variant)
        assert [t.user_attrs["run"] for t in told] == [run.name for run in mine]
        assert [t.params for t in told] == [run.settings for run in mine]
        assert [t.value for t in told] == [2.0 + RUNS.index(run) for run in mine]


def test_lost_runs_are_failed_trials_and_not_dropped(tmp_path: Path) -> None:
    file = tmp_path / "study"
    record(file, results(6, run0="diverged", run2="failed"))
    told = trials(file, "a")
    assert [t.state.name for t in told] == ["FAIL", "FAIL", "COMPLETE"]
    assert [t.user_attrs["status"] for t in told] == ["diverged", "failed", "complete"]


@pytest.mark.parametrize("damage", ["torn", "garbage", "empty", "other trials", "missing"])
def test_a_damaged_study_is_rebuilt(tmp_path: Path, damage: str) -> None:
    file, clean = tmp_path / "study", tmp_path / "clean"
    record(clean, results(6))
    record(file, results(6))
    match damage:
        case "torn":
            file.write_bytes(file.read_bytes()[:-40])
        case "garbage":
            file.write_bytes(b"\x00\xffnot a journal\n" * 9)
        case "empty":
            file.write_bytes(b"")
        case "other trials":
            file.unlink()
            record(file, results(6), runs=RUNS[::-1])
        case "missing":
            file.unlink()
    record(file, results(6))
    for variant in "ab":
        told = [(t.number, t.params, t.value, t.state) for t in trials(file, variant)]
        assert told == [(t.number, t.params, t.value, t.state) for t in trials(clean, variant)]
