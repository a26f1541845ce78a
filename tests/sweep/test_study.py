"""The study is a cache: whatever happens to it, it comes back from the trials."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from lab.config.sweep import SweepConfig
from lab.sweep.earlier import WarmTrial
from lab.sweep.study import record
from lab.sweep.trials import State, Trial

RATE, LAYERS = "train.optimizer.lr", "model.n_layers"
BASE = {
    "data": {"corpus": {"kind": "python-docs"}},
    "model": {"n_layers": 1, "n_heads": 2, "d_model": 16, "max_seq_len": 16},
    "train": {"steps": 5, "batch_size": 2},
}
SPACE = {RATE: {"low": 1e-4, "high": 1e-1, "log": True}, LAYERS: {"low": 1, "high": 3}}
TUNE = {"trials": 9, "refine": 0, "space": SPACE}
SEARCH = SweepConfig.parse({"question": "Best?", "base": BASE, "tune": TUNE})
COMPARED = SweepConfig.parse(
    {
        "question": "Which?",
        "base": BASE,
        "variants": {"a": {}, "b": {"model.norm": {"kind": "rmsnorm"}}},
        "tune": TUNE,
    }
)
PARETO = SweepConfig.parse(
    {
        "question": "Both?",
        "base": BASE,
        "tune": {
            **TUNE,
            "objective": [
                "val/loss",
                {"metric": "time/tokens_per_second", "direction": "maximize"},
            ],
        },
    }
)


def trial(number: int, state: State = "complete", variant: str = "base") -> Trial:
    return Trial(
        variant,
        number,
        "list",
        batch=number // 2,
        settings={RATE: 0.001 * (number + 1), LAYERS: 1 + number % 3},
        full_tokens=320,
        state=state,
        values=[2.0 + (number - 2) ** 2] if state == "complete" else None,
        replicates=[[2.0 + (number - 2) ** 2]] if state == "complete" else [],
        intermediate={} if state == "failed" else {0: 5.0, 3: 4.0 - number / 10},
        runs=[f"{variant}-0-{number:08x}"],
        tokens=160 if state == "pruned" else 320,
        reason=None if state == "complete" else "because",
    )


def keep(
    file: Path, trials: list[Trial], question: SweepConfig = SEARCH, plan: str = "h", **more: Any
) -> None:
    record(file, name="s", plan_hash=plan, question=question, trials=trials, **more)


def load(file: Path, name: str = "s") -> optuna.Study:
    """As anyone would who has read Optuna's manual."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return optuna.load_study(
            study_name=name, storage=JournalStorage(JournalFileBackend(str(file)))
        )


def content(file: Path, name: str = "s") -> list[tuple[Any, ...]]:
    return [
        (t.number, t.state.name, t.values, t.params, t.intermediate_values, t.user_attrs)
        for t in load(file, name).trials
    ]


def test_a_search_is_one_study_that_optuna_opens(tmp_path: Path) -> None:
    keep(tmp_path / "study", [trial(n) for n in range(5)], warm=[WarmTrial({RATE: 0.01}, [3.0])])
    study = load(tmp_path / "study")
    assert study.best_trial.number == 2
    assert study.best_params == {RATE: 0.003, LAYERS: 3}
    assert study.best_value == 2.0
    assert study.metric_names == ["val/loss"]
    assert study.user_attrs["plan"] == "h"
    assert study.user_attrs["warm"] == [{"settings": {RATE: 0.01}, "values": [3.0]}]
    distribution = study.trials[0].distributions[RATE]
    assert distribution == optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True)


def test_states_curves_and_where_they_come_from_are_kept(tmp_path: Path) -> None:
    states: list[State] = ["complete", "pruned", "diverged", "failed"]
    keep(tmp_path / "study", [trial(n, state) for n, state in enumerate(states)])
    told = load(tmp_path / "study").trials
    assert [t.state.name for t in told] == ["COMPLETE", "PRUNED", "FAIL", "FAIL"]
    assert [t.values for t in told] == [[6.0], [3.9], None, None]
    assert told[1].intermediate_values == {0: 5.0, 3: 3.9}
    assert told[1].user_attrs == {
        "state": "pruned",
        "source": "list",
        "batch": 0,
        "runs": ["base-0-00000001"],
        "replicates": [],
        "tokens": 160,
        "full_tokens": 320,
        "reason": "because",
    }


def test_every_variant_has_a_study(tmp_path: Path) -> None:
    trials = [trial(n, variant=variant) for n in range(3) for variant in "ab"]
    keep(tmp_path / "study", trials, COMPARED)
    for variant in "ab":
        names = [
            t.user_attrs["runs"][0][0] for t in load(tmp_path / "study", f"s/{variant}").trials
        ]
        assert names == [variant] * 3


def test_several_objectives_keep_their_directions_and_names(tmp_path: Path) -> None:
    trials = [replace(trial(n), values=[2.0 + n, 100.0 + 10 * n]) for n in range(3)]
    keep(tmp_path / "study", [*trials, trial(3, "pruned"), trial(4, "failed")], PARETO)
    study = load(tmp_path / "study")
    assert [d.name for d in study.directions] == ["MINIMIZE", "MAXIMIZE"]
    assert study.metric_names == ["val/loss", "time/tokens_per_second"]
    assert len(study.best_trials) == 3


@settings(deadline=None, max_examples=15, database=None)
@given(
    steps=st.lists(st.integers(0, 6), min_size=1, max_size=4),
    running=st.sets(st.integers(0, 5), max_size=2),
)
def test_trials_are_told_in_order_and_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], running: set[int]
) -> None:
    file = tmp_path_factory.mktemp("study") / "study"
    for n in [*sorted(steps), 6]:
        trials = [trial(k, "running" if k in running else "complete") for k in range(n)]
        keep(file, trials[::-1])
        ended = min([k for k in running if k < n], default=n)
        assert [row[0] for row in content(file)] == list(range(ended))
    keep(file, [trial(k) for k in range(6)])
    assert [row[3][RATE] for row in content(file)] == [trial(k).settings[RATE] for k in range(6)]
    assert sorted(p.name for p in file.parent.iterdir()) == ["study"]


def test_what_is_there_is_not_written_again(tmp_path: Path) -> None:
    keep(tmp_path / "study", [trial(0)])
    first = (tmp_path / "study").read_bytes()
    keep(tmp_path / "study", [trial(0)])
    assert (tmp_path / "study").read_bytes() == first
    keep(tmp_path / "study", [trial(0), trial(1)])
    assert (tmp_path / "study").read_bytes().startswith(first)


DAMAGES = ["torn", "garbage", "glued", "empty", "missing", "other values", "more", "no study"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_study_is_rebuilt(tmp_path: Path, damage: str) -> None:
    file, clean = tmp_path / "study", tmp_path / "clean"
    trials = [trial(n) for n in range(4)]
    keep(clean, trials)
    keep(file, trials)
    match damage:
        case "torn":
            file.write_bytes(file.read_bytes()[:-40])
        case "garbage":
            file.write_bytes(b"\x00\xffnot a journal\n" * 9)
        case "glued":
            lines = file.read_bytes().splitlines(keepends=True)
            file.write_bytes(b"".join([*lines[:-2], lines[-2][:20], lines[-1]]))
        case "empty":
            file.write_bytes(b"")
        case "missing":
            file.unlink()
        case "other values":
            file.unlink()
            keep(file, [trials[0], replace(trials[1], values=[7.0]), *trials[2:]])
        case "more":
            keep(file, [*trials, trial(4)])
        case "no study":
            file.write_bytes(file.read_bytes().splitlines(keepends=True)[0])
    keep(file, trials)
    assert content(file) == content(clean)
    aside = file.with_name("study.damaged")
    assert aside.exists() == (damage not in ("empty", "missing"))


def test_the_study_of_another_plan_is_kept_aside(tmp_path: Path) -> None:
    file = tmp_path / "study"
    keep(file, [trial(0), trial(1)], plan="before")
    keep(file, [trial(0)], plan="after")
    assert len(content(file)) == 1
    assert len(content(tmp_path / "study.earlier")) == 2
    assert load(file).user_attrs["plan"] == "after"


def test_a_study_that_someone_else_added_to_is_rebuilt(tmp_path: Path) -> None:
    file = tmp_path / "study"
    keep(file, [trial(0)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        load(file).ask()
    keep(file, [trial(0), trial(1)])
    assert [row[1] for row in content(file)] == ["COMPLETE", "COMPLETE"]


def test_before_any_trial_ended_the_study_is_there(tmp_path: Path) -> None:
    keep(tmp_path / "study", [trial(0, "running")])
    assert content(tmp_path / "study") == []
