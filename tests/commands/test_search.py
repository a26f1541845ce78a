"""Whole searches through their command line: kills, workers, mishaps, Optuna's own view."""

from pathlib import Path
from typing import Any

import pytest

from lab import open_sweep
from lab.files import read_json
from tests.commands.folder import Lab, kill_a_worker, wait_for

BASE: dict[str, Any] = {
    "model": {"n_layers": 1, "n_heads": 2, "d_model": 16, "max_seq_len": 16},
    "train": {"steps": 60, "batch_size": 4, "eval_every": 5, "log_every": 5},
    "device": "cpu",
    "tracking": {"wandb": {"mode": "disabled"}, "samples": {"max_new_tokens": 0}},
}
RATE = {"train.optimizer.lr": {"low": 1e-4, "high": 1e-1, "log": True}}
HALVING: dict[str, Any] = {
    "question": "Which rate?",
    "base": BASE,
    "tune": {"trials": 9, "pruner": {"kind": "successive-halving"}, "space": RATE},
}
GRID: dict[str, Any] = {
    "question": "Which cell?",
    "base": BASE,
    "tune": {
        "sampler": {"kind": "grid"},
        "space": {
            "train.optimizer.lr": [1e-3, 3e-3, 1e-2, 3e-2],
            "train.batch_size": [2, 4, 8],
        },
    },
}
ADAPTIVE: dict[str, Any] = {
    "question": "Which architecture?",
    "base": BASE,
    "tune": {
        "sampler": {"kind": "tpe", "width": 2, "startup": 3},
        "trials": 7,
        "seeds": 2,
        "pruner": {"kind": "median", "startup": 2},
        "constraints": ["model.n_params < 10_700"],
        "space": {
            **RATE,
            "model.n_layers": {"low": 1, "high": 2},
            "position": {
                "learned": {"model.position": {"kind": "learned"}},
                "rope": {"model.position": {"kind": "rope"}},
            },
            "model.position.theta": {
                "low": 10, "high": 1e4, "log": True, "when": {"position": "rope"}
            },
        },
        "try": [{"position": "rope"}],
    },
}  # fmt: skip


def trials(lab: Lab) -> bytes:
    return (lab.sweep / "trials.json").read_bytes()


@pytest.mark.proof
@pytest.mark.parametrize("question", [HALVING, ADAPTIVE], ids=["halving", "adaptive"])
def test_killed_or_not_one_worker_or_two_the_same_trials(
    question: dict[str, Any], corpus: Path, tmp_path: Path
) -> None:
    whole = Lab(tmp_path / "whole", corpus, question)
    done = whole.run("--workers", "1")
    assert done.returncode == 0, done.stderr
    killed = Lab(tmp_path / "killed", corpus, question)
    killed.kill_after(killed.start("--workers", "2"), 3)
    done = killed.run("--workers", "2")
    assert done.returncode == 0, done.stderr
    assert trials(killed) == trials(whole)
    assert killed.results() == whole.results()
    assert killed.curves() == whole.curves()
    assert not list(killed.sweep.glob("runs/*/checkpoint"))
    assert not list(killed.sweep.glob("runs/*/reached.json"))
    again = killed.run()
    assert again.returncode == 0
    assert trials(killed) == trials(whole)


@pytest.mark.proof
def test_a_grid_survives_two_kills(corpus: Path, tmp_path: Path) -> None:
    lab = Lab(tmp_path / "grid", corpus, GRID)
    for count in (2, 6):
        process = lab.start("--workers", "4")
        lab.kill_after(process, count)
    done = lab.run("--workers", "4")
    assert done.returncode == 0, done.stderr
    runs = open_sweep(lab.sweep).runs()
    cells = list(zip(runs["train.optimizer.lr"], runs["train.batch_size"], strict=True))
    assert len(cells) == len(set(cells)) == 12
    assert set(runs["status"]) == {"complete"}
    found = read_json(lab.sweep / "trials.json")["trials"]
    assert [trial["state"] for trial in found] == ["complete"] * 12
    assert len({tuple(trial["settings"].values()) for trial in found}) == 12


@pytest.mark.proof
def test_mishaps_are_told_once_and_the_search_goes_on(corpus: Path, tmp_path: Path) -> None:
    """A rate at which the loss is no number, and a worker that is killed."""
    tune = {
        "sampler": {"kind": "tpe", "width": 2, "startup": 2},
        "trials": 6,
        "space": {"train.optimizer.lr": {"low": 1e-3, "high": 1e38, "log": True}},
        "try": [{"train.optimizer.lr": 1e38}, {"train.optimizer.lr": 1e-2}],
    }
    base = {**BASE, "train": {**BASE["train"], "steps": 400, "clip_norm": None}}
    lab = Lab(tmp_path / "mishaps", corpus, {**HALVING, "base": base, "tune": tune}, retries=0)
    process = lab.start("--workers", "1")
    wait_for(lambda: kill_a_worker(lab, process.pid, rows=5))  # no run that diverges comes so far
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1, (out, err)
    found = read_json(lab.sweep / "trials.json")["trials"]
    assert [trial["number"] for trial in found] == list(range(6))
    assert found[0]["state"] == "diverged"
    assert found[1]["state"] == "failed"
    assert {trial["state"] for trial in found[2:]} <= {"complete", "diverged"}
    study = load(lab)
    assert [trial.number for trial in study.trials] == list(range(6))
    assert [trial.state.name for trial in study.trials[:2]] == ["FAIL", "FAIL"]
    done = lab.run()  # the failed one is tried again
    assert done.returncode == 0, done.stderr
    found = read_json(lab.sweep / "trials.json")["trials"]
    assert found[1]["state"] == "complete"
    assert len(load(lab).trials) == 6


def test_optuna_reads_the_study_in_its_own_terms(corpus: Path, tmp_path: Path) -> None:
    lab = Lab(tmp_path / "study", corpus, HALVING)
    done = lab.run()
    assert done.returncode == 0, done.stderr
    study = load(lab)
    found = read_json(lab.sweep / "trials.json")["trials"]
    assert [trial.params for trial in study.trials] == [trial["settings"] for trial in found]
    states = {"complete": "COMPLETE", "pruned": "PRUNED"}
    assert [t.state.name for t in study.trials] == [states[trial["state"]] for trial in found]
    best = min((t for t in found if t["values"]), key=lambda t: t["values"][0])
    assert study.best_trial.number == best["number"]
    pruned = next(t for t in found if t["state"] == "pruned")
    assert study.trials[pruned["number"]].intermediate_values[5] == pruned["intermediate"]["5"]


def load(lab: Lab) -> Any:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(lab.sweep / "study")))
    return optuna.load_study(study_name="tiny", storage=storage)
