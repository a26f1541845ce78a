"""Workers that are killed, stopped, or run out of memory, and a fork server that is killed: real
processes, in one sweep, whose results are those of a sweep that nothing happened to."""

import itertools
import os
import shutil
import signal
import time
from collections.abc import Iterator
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest

from lab.files import read_json
from tests.commands.folder import Lab, processes_of, wait_for

QUESTION: dict[str, Any] = {
    "question": "Does a tiny model survive?",
    "base": {
        "model": {"n_layers": 1, "n_heads": 2, "d_model": 16, "max_seq_len": 16},
        "train": {
            "steps": 80,
            "batch_size": 4,
            "schedule": {"kind": "cosine", "warmup_steps": 5},
            "log_every": 1,
            "checkpoint_every": 10,
        },
        "device": "cpu",
        "tracking": {"wandb": {"mode": "disabled"}, "samples": {"max_new_tokens": 8}},
    },
    "baseline": "a",
    "variants": {"a": {}, "b": {"model.position": {"kind": "rope"}}},
    "confirm": {"test": "fixed", "max_seeds": 4},
    "packages": "best",
    "retries": 3,
    "timeout": 10,
}
FAULTS = {
    "a-1": ["kill", "kill"],
    "a-2": ["stop"],
    "a-3": ["no memory"],
    "a-4": ["raise"] * 9,
    "b-1": ["kill the server"],
    "b-2": ["leave"],
}
SERVER = "ended with its fork server"
TOLD = {
    "a-1": ["killed by SIGKILL"] * 2,
    "a-2": ["hung, for 10 s without progress"],
    "a-4": ["RuntimeError: boom"],
    "b-2": ["ended with code 3"],
}


@pytest.fixture(scope="module", autouse=True)
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fork server of these tests' own, which knows the faults."""
    end_server()
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_CACHE", str(cache))
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))  # also of one begun in a folder
        patch.setattr("lab.sweep.server.PRELOADED", ["lab.sweep.preload", "tests.commands.plant"])
        yield cache
    end_server()


@pytest.fixture(autouse=True)
def _same_cache(server: Path, _private_cache: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the sweeps before: a result names the text as the cache does."""
    monkeypatch.setenv("LAB_CACHE", str(server))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Lab:
    lab = Lab(tmp_path_factory.mktemp("undisturbed"), corpus, QUESTION)
    done = lab.run("--workers", "2")
    assert done.returncode == 0, done.stderr
    return lab


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> "tuple[Lab, Any]":
    lab = Lab(tmp_path_factory.mktemp("disturbed"), corpus, QUESTION)
    (lab.sweep / "faults").mkdir(parents=True)
    for name, faults in FAULTS.items():
        (lab.sweep / "faults" / name).write_text("\n".join(faults))
    return lab, lab.run("--workers", "2")


def end_server() -> None:
    found = forkserver._forkserver  # type: ignore[attr-defined]
    if found._forkserver_pid is not None:
        os.kill(found._forkserver_pid, signal.SIGKILL)


def attempts(lab: Lab, name: str) -> list[dict[str, Any]]:
    (file,) = lab.sweep.glob(f"runs/{name}-*/attempts.json")
    found: list[dict[str, Any]] = read_json(file)
    return found


def errors(lab: Lab, name: str) -> list[str]:
    """Of its own: whoever runs when the fork server is killed has that to tell, too."""
    found = [attempt["error"] for attempt in attempts(lab, name)]
    return [error for error in found if error != SERVER]


def test_each_mishap_is_kept_by_name_and_the_sweep_goes_on(disturbed: "tuple[Lab, Any]") -> None:
    lab, done = disturbed
    assert done.returncode == 1, done.stderr
    for name, told in TOLD.items():
        assert errors(lab, name)[: len(told)] == told, name
        assert {*errors(lab, name)} == {*told}, name
    assert errors(lab, "a-3")[0].startswith("out of memory: take a smaller train.micro_batch_size")
    assert SERVER in [attempt["error"] for attempt in attempts(lab, "b-1")]
    assert [attempt.get("given_up", False) for attempt in attempts(lab, "a-4")] == [
        False, False, False, True
    ]  # fmt: skip
    assert 0 <= attempts(lab, "a-1")[0]["step"] <= 57
    assert attempts(lab, "b-2")[-1]["log"][-1] == "it leaves without a word more"


def test_the_command_says_what_failed_and_what_was_tried_again(
    disturbed: "tuple[Lab, Any]",
) -> None:
    lab, done = disturbed
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("failed: experiments/tiny/runs/a-4-")
    assert "RuntimeError: boom at step 57 (the last of 4 attempts)" in last
    assert "ended with code 3" in done.stderr
    assert "log.txt ends with “it leaves without a word more”" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in next(lab.sweep.glob("runs/a-4-*/log.txt")).read_text()


def test_an_attempt_redoes_at_most_one_checkpoint_interval(disturbed: "tuple[Lab, Any]") -> None:
    lab, _ = disturbed
    for name in FAULTS:
        lines = (lab.sweep / "steps" / name).read_text().splitlines()
        spans = [tuple(map(int, line.split())) for line in lines]
        assert len(spans) > 1 or name == "a-4", name
        for (_, last), (first, _) in itertools.pairwise(spans):
            assert last + 1 - first <= QUESTION["base"]["train"]["checkpoint_every"], name


def test_the_same_command_makes_up_for_what_failed(
    disturbed: "tuple[Lab, Any]", undisturbed: Lab
) -> None:
    lab, _ = disturbed
    shutil.rmtree(lab.sweep / "faults")
    done = lab.run("--workers", "2")
    assert done.returncode == 0, done.stderr
    assert lab.results() == undisturbed.results()
    assert lab.curves() == undisturbed.curves()
    for run in lab.rows("run"):
        kept, made = (
            read_json(each.sweep / "runs" / run / "result.json") for each in (lab, undisturbed)
        )
        for part in kept.keys() - {"timing", "provenance"}:
            assert kept[part] == made[part], (run, part)


@pytest.mark.proof
def test_a_supervisor_that_is_stopped_and_goes_on_takes_nobody_for_hung(
    undisturbed: Lab, corpus: Path, tmp_path: Path
) -> None:
    """Its whole group sleeps for longer than `timeout`; then a closed terminal asks for an end."""
    lab = Lab(tmp_path, corpus, QUESTION, timeout=4)
    process = lab.start("--workers", "2")
    wait_for(lambda: lab.n_finished() > 0)
    os.killpg(process.pid, signal.SIGSTOP)
    time.sleep(4.5)
    os.killpg(process.pid, signal.SIGCONT)
    finished = lab.n_finished()
    wait_for(lambda: lab.n_finished() > finished)
    os.killpg(process.pid, signal.SIGHUP)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "the same command continues" in err
    assert not processes_of(lab.folder)
    assert not list(lab.sweep.glob("runs/*/attempts.json"))
    assert lab.run("--workers", "2").returncode == 0
    assert lab.results() == undisturbed.results()
