"""A whole sweep through its command line: its answer, its files, and what kills cannot take."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from lab import load_package, open_sweep
from lab.commands.asked import ask
from lab.files import read_json
from lab.sweep.space_needed import occupied, space_needed
from tests.commands.folder import Lab, kill_a_worker, processes_of, wait_for

QUESTION: dict[str, Any] = {
    "question": "Do rotations help a tiny model?",
    "base": {
        "model": {"n_layers": 1, "n_heads": 2, "d_model": 16, "max_seq_len": 16},
        "train": {
            "steps": 150,
            "batch_size": 4,
            "schedule": {"kind": "cosine", "warmup_steps": 5},
            "log_every": 10,
            "checkpoint_every": 10,
        },
        "device": "cpu",
        "tracking": {"wandb": {"mode": "disabled"}, "samples": {"max_new_tokens": 8}},
    },
    "baseline": "learned",
    "variants": {"learned": {}, "rope": {"model.position": {"kind": "rope"}}},
    "tune": {
        "trials": 3,
        "space": {"train.optimizer.lr": {"low": 1e-3, "high": 3e-2, "log": True}},
    },
    "confirm": {"test": "fixed", "max_seeds": 2},
}
N_RUNS = 2 * 3 + 2 * 2


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Lab:
    """The question, answered by two workers without a disturbance."""
    lab = Lab(tmp_path_factory.mktemp("answered"), corpus, QUESTION)
    done = lab.run("--workers", "2")
    assert done.returncode == 0, done.stderr
    return lab


def test_every_planned_run_is_complete(answered: Lab) -> None:
    assert answered.rows("status") == ["complete"] * N_RUNS
    phases = list(zip(answered.rows("variant"), answered.rows("phase"), strict=True))
    assert phases.count(("rope", "tune")) == 3
    assert phases.count(("learned", "confirm")) == 2


def test_the_test_split_is_opened_by_confirmation_only(answered: Lab) -> None:
    runs = open_sweep(answered.sweep).runs()
    assert runs[runs["phase"] == "tune"]["test/loss"].isna().all()
    assert runs[runs["phase"] == "confirm"]["test/loss"].notna().all()


def test_every_run_left_a_package_that_loads(answered: Lab) -> None:
    folders = sorted(answered.artifacts.iterdir())
    assert len(folders) == N_RUNS
    for folder in folders:
        package = load_package(folder)
        text = package.generate("1 and ", max_new_tokens=20, seed=1)
        assert text == package.generate("1 and ", max_new_tokens=20, seed=1)
        assert len(text) == 20


def test_checkpoints_are_gone_once_packaged(answered: Lab) -> None:
    assert not list(answered.sweep.glob("runs/*/checkpoint"))


def test_the_plan_was_written_with_its_hash(answered: Lab) -> None:
    plan = read_json(answered.sweep / "plan.json")
    assert plan["runs"] == {"least": N_RUNS, "greatest": N_RUNS}
    assert len(plan["hash"]) == 64
    assert len(plan["first_round"]) == 2 * 2


def test_every_variant_was_certified(answered: Lab) -> None:
    """And the sweep, continued, takes its certificates as they are."""
    file = answered.sweep / "certificates.json"
    found = read_json(file)["certificates"]
    assert [c["variant"] for c in found] == ["learned", "rope"]
    assert all(check["passed"] for c in found for check in c["checks"])
    assert {c["vocab_size"] for c in found} == {
        v["vocab_size"] for v in read_json(answered.sweep / "plan.json")["variants"].values()
    }
    before = file.stat().st_mtime_ns
    assert answered.run().returncode == 0
    assert file.stat().st_mtime_ns == before


def test_nothing_is_trained_that_is_not_what_it_says(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def certify(function: Any, models: list[Any]) -> list[Any]:
        return [[{"name": "causality", "passed": False, "detail": "changes 1 > 1e-9"}]] * 2

    lab = Lab(tmp_path, corpus, QUESTION)
    monkeypatch.setattr("lab.commands.sweep.ask_apart", certify)
    done = lab.run("--workers", "1")
    assert done.returncode == 2
    assert "variant 'learned' is not what its config says, so nothing was trained" in done.stderr
    assert not (lab.sweep / "runs").exists()
    monkeypatch.undo()
    assert not read_json(lab.sweep / "certificates.json")["certificates"][0]["checks"][0]["passed"]


def test_the_report_is_there(answered: Lab) -> None:
    page = (answered.sweep / "report" / "index.html").read_text()
    assert "Do rotations help a tiny model?" in page
    for verdict in open_sweep(answered.sweep).verdicts():
        assert verdict.sentence in (answered.sweep / "report" / "report.md").read_text()


def test_the_study_opens_in_optuna(answered: Lab) -> None:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(answered.sweep / "study")))
    runs = open_sweep(answered.sweep).runs()
    for variant in ("learned", "rope"):
        study = optuna.load_study(study_name=f"tiny/{variant}", storage=storage)
        tuned = runs[(runs["variant"] == variant) & (runs["phase"] == "tune")]
        assert [trial.value for trial in study.trials] == list(tuned["val/loss"])
        rates = [trial.params["train.optimizer.lr"] for trial in study.trials]
        assert rates == list(tuned["train.optimizer.lr"])
        assert study.best_value == tuned["val/loss"].min()


def test_a_package_that_was_changed_is_told(answered: Lab) -> None:
    file = min(answered.artifacts.glob("*/config.yaml"))
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"n_heads: 2", b"n_heads: 1"))
    try:
        done = answered.run()
    finally:
        file.write_bytes(whole)
    assert done.returncode == 0
    (told,) = [line for line in done.stderr.splitlines() if "is damaged" in line]
    assert f"{file.parent} is damaged: config.yaml".removeprefix(f"{answered.folder}/") in told
    assert f"move it and experiments/tiny/runs/{file.parent.name} away" in told


def test_the_same_command_repeats_nothing(answered: Lab) -> None:
    before = {f: f.stat().st_mtime_ns for f in answered.sweep.glob("runs/*/*")}
    done = answered.run()
    assert done.returncode == 0
    assert f"{N_RUNS} finished runs are taken over" in done.stderr
    assert {f: f.stat().st_mtime_ns for f in answered.sweep.glob("runs/*/*")} == before


@pytest.mark.proof
def test_one_worker_gives_the_results_of_two(answered: Lab, corpus: Path, tmp_path: Path) -> None:
    lab = Lab(tmp_path / "one", corpus, QUESTION)
    assert lab.run("--workers", "1").returncode == 0
    assert lab.results() == answered.results()
    assert lab.curves() == answered.curves()


SEQUENTIAL: dict[str, Any] = {
    **QUESTION,
    "base": {**QUESTION["base"], "train": {**QUESTION["base"]["train"], "steps": 20}},
    "variants": {
        "learned": {},
        "off": {"train.optimizer.lr": 1e-5},  # settled by its first seeds
        "rope": {"model.position": {"kind": "rope"}},
    },
    "tune": None,
    "confirm": {"max_seeds": 5, "margin": 1e-4, "twin": True},
}


@pytest.mark.proof
def test_idle_workers_run_ahead_and_change_nothing(corpus: Path, tmp_path: Path) -> None:
    alone = Lab(tmp_path / "one", corpus, SEQUENTIAL)
    many = Lab(tmp_path / "many", corpus, SEQUENTIAL, packages="best")
    for lab, workers in ((alone, "1"), (many, "3")):
        done = lab.run("--workers", workers)
        assert done.returncode == 0, done.stderr
    assert many.results() == alone.results()
    assert many.curves() == alone.curves()
    schedules = [read_json(lab.sweep / "schedule.json") for lab in (alone, many)]
    assert schedules[0]["rounds"] == schedules[1]["rounds"]
    assert schedules[0]["surplus"] == []
    there = {path.name for path in (many.sweep / "runs").iterdir()}
    assert there == {*many.rows("run"), *schedules[1]["surplus"]}
    surplus = open_sweep(many.sweep).surplus()
    assert {run.run for run in surplus} == {*schedules[1]["surplus"]}
    assert len(list(many.artifacts.iterdir())) == 1
    counts = {name: alone.rows("variant").count(name) for name in ("learned", "off", "rope")}
    assert counts["off"] == 4 <= counts["rope"] <= counts["learned"]
    assert alone.rows("variant").count("learned-twin") == counts["learned"]
    assert open_sweep(alone.sweep).controls()[0].n == counts["learned"]


@pytest.mark.proof
def test_interrupted_again_and_again_ends_in_the_same_results(
    answered: Lab, corpus: Path, tmp_path: Path
) -> None:
    lab = Lab(tmp_path / "killed", corpus, QUESTION)
    for how in ("supervisor killed", "ctrl-c", "ctrl-c twice"):
        finished = lab.n_finished()
        process = lab.start("--workers", "2")
        wait_for(lambda done=finished: lab.n_finished() > done)
        wait_for(lambda: bool(list(lab.sweep.glob("runs/*/checkpoint/*.json"))))
        if how == "supervisor killed":
            process.kill()
            process.communicate()
        else:
            os.killpg(process.pid, signal.SIGINT)
            if how == "ctrl-c twice":
                time.sleep(0.02)
                os.killpg(process.pid, signal.SIGINT)
            _, err = process.communicate(timeout=60)
            assert process.returncode == 130
            assert "the same command continues" in err
        wait_for(lambda: not processes_of(lab.folder), seconds=20)
        assert lab.n_finished() < N_RUNS
    done = lab.run("--workers", "2")
    assert done.returncode == 0, done.stderr
    assert "finished runs are taken over" in done.stderr
    assert lab.results() == answered.results()
    assert lab.curves() == answered.curves()


@pytest.mark.proof
def test_a_worker_that_dies_fails_its_run_alone(
    answered: Lab, corpus: Path, tmp_path: Path
) -> None:
    lab = Lab(tmp_path / "killed", corpus, QUESTION, retries=0)
    process = lab.start("--workers", "2")
    wait_for(lambda: kill_a_worker(lab, process.pid))
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "failed: killed by SIGKILL" in err
    statuses = [read_json(f)["status"] for f in lab.sweep.glob("runs/*/result.json")]
    assert statuses.count("failed") == 1
    assert len(statuses) >= N_RUNS - 1
    done = lab.run("--workers", "2")
    assert done.returncode == 0, done.stderr
    assert lab.results() == answered.results()
    assert lab.curves() == answered.curves()


def test_there_is_as_much_room_needed_as_was_said(answered: Lab) -> None:
    """At most, and not twice as much."""
    with chdir(answered.folder):
        asked = ask("tiny.yaml", overrides=[])
        said = space_needed(asked.plan, vocab_sizes=asked.vocab_sizes, workers=2)
    there = occupied(answered.sweep) + occupied(answered.artifacts)
    assert there < said.files[1] + said.packages < 2 * there


def test_a_changed_question_says_what_changed_and_keeps_what_fits(
    answered: Lab, corpus: Path, tmp_path: Path
) -> None:
    lab = Lab(tmp_path / "changed", corpus, QUESTION, confirm=None)
    assert lab.run("--workers", "2").returncode == 0
    assert lab.n_finished() == 6
    Lab(lab.folder, corpus, QUESTION)
    done = lab.run("--workers", "2")
    assert done.returncode == 0
    assert "the question has changed since its last plan: confirm" in done.stderr
    assert "6 finished runs are taken over" in done.stderr
    assert len(list(lab.sweep.glob("plan-*.json"))) == 1
    assert lab.results() == answered.results()


def test_a_run_of_an_earlier_plan_is_judged_before_it_serves_this_one(
    corpus: Path, tmp_path: Path
) -> None:
    lab = Lab(tmp_path / "plans", corpus, QUESTION, tune=None, confirm=None)
    assert lab.run("--set", "seed=1").returncode == 0
    assert lab.rows("phase") == ["run", "run"]
    Lab(lab.folder, corpus, QUESTION, tune=None)
    done = lab.run()
    assert done.returncode == 0, done.stderr
    assert lab.rows("phase") == ["confirm"] * 4
    assert all(lab.rows("test/loss"))


def test_results_of_other_code_are_not_quietly_mixed(answered: Lab) -> None:
    result = next(answered.sweep.glob("runs/rope-0-*/order.json"))
    original = result.read_text()
    result.write_text(original.replace('"torch": "', '"torch": "0.'))
    try:
        done = answered.run()
        assert done.returncode == 2
        assert "was run under another torch" in done.stderr
        assert "--keep" in done.stderr
        assert "--rerun" in done.stderr
        assert answered.run("--keep").returncode == 0
    finally:
        result.write_text(original)
