"""`lab train`: one run, its curve and its package, continued by the same command."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import load_package
from lab.cli import main
from lab.config.order import WorkOrder


@pytest.fixture
def work(tmp_path: Path, tiny_run: dict[str, Any]) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "run.yaml").write_text(yaml.safe_dump(tiny_run))
    return folder


def start(work: Path, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "lab.train", "run.yaml", *options],
        cwd=work,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_one_run(work: Path) -> None:
    process = start(work)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "val/bpb" in err
    assert "1.00 bytes a token" in err
    assert "of the validation text stands in training too" in err
    (folder,) = (work / "experiments" / "train").iterdir()
    assert {f.name for f in folder.iterdir()} == {
        ".lock",
        "config.yaml",
        "curve.png",
        "log.jsonl",
        "log.txt",
        "metrics.csv",
        "order.json",
        "provenance.json",
        "result.json",
        "samples.csv",
        "timing.csv",
    }
    assert (folder / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert load_package(work / "artifacts" / "train" / folder.name).config.seed == 0
    before = (folder / "result.json").stat().st_mtime_ns
    again = start(work)
    again.communicate(timeout=60)
    assert again.returncode == 0
    assert (folder / "result.json").stat().st_mtime_ns == before
    assert not list(folder.glob("checkpoint"))


def test_a_limit_and_the_lengths_are_told(work: Path) -> None:
    limits = ("evaluate.tokens=200", "evaluate.lengths=[8, 32]", "data.splits=[0.8, 0.2, 0]")
    options = [word for text in limits for word in ("--set", text)]
    process = start(work, *options, "--set", "model.position.kind=rope")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "judged on the first 200 of" in err
    assert "val/loss@32" in err


def test_ctrl_c_saves_and_the_same_command_continues(work: Path) -> None:
    long = ["--set", "train.steps=1200", "--set", "train.eval_every=400"]
    process = start(work, *long)
    deadline = time.monotonic() + 60
    while not list(work.glob("experiments/train/*/metrics.csv")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "the same command continues" in err
    (checkpoint,) = work.glob("experiments/train/*/checkpoint/*.json")
    assert 0 < int(checkpoint.stem) < 1200
    process = start(work, *long)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert not list(work.glob("experiments/train/*/checkpoint"))


def test_what_was_not_finite_is_told(
    work: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(work)
    monkeypatch.setattr("lab.train.update.rate_factor", lambda *_, **__: float("inf"))
    assert main(["train", "run.yaml", "--set", "train.log_every=1"]) == 0
    told = " ".join(capfd.readouterr().err.split())
    assert "diverged at step 1: embedding.weight and 8 more are not finite; try a lower" in told


def test_a_run_is_judged_on_the_test_split_when_asked(
    work: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(work)
    assert main(["train", "run.yaml", "--test", "--set", "data.splits=[0.8, 0.2, 0]"]) == 2
    assert "has no test split; give it a share, or leave --test out" in " ".join(
        capfd.readouterr().err.split()
    )
    assert main(["train", "run.yaml", "--test"]) == 0
    (file,) = work.glob("experiments/train/*/result.json")
    metrics = json.loads(file.read_text())["metrics"]
    assert f"test/loss      {metrics['test/loss']:.4f}" in capfd.readouterr().err
    assert main(["train", "run.yaml", "--test"]) == 0
    assert main(["train", "run.yaml"]) == 2
    assert "was judged on test; move it away" in " ".join(capfd.readouterr().err.split())


def test_a_variant_that_a_sweep_would_match_is_not_trained_unmatched(
    work: Path, tiny_run: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    wide = {"model.d_ff": 8} if "d_ff" in tiny_run["model"] else {"model.mlp": {"kind": "swiglu"}}
    variants = {"plain": {}, "wide": wide}
    question = {"question": "Which?", "base": tiny_run, "variants": variants, "match": "flops"}
    (work / "question.yaml").write_text(yaml.safe_dump(question))
    assert main(["train", str(work / "question.yaml"), "--variant", "wide"]) == 2
    assert "wide is matched in flops by a sweep" in capsys.readouterr().err


def test_out_of_memory_is_a_sentence_with_its_remedy(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def exhausted(*_: Any, **__: Any) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.chdir(work)
    monkeypatch.setattr("lab.run.train_many", exhausted)
    assert main(["train", "run.yaml"]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("out of memory: take a smaller train.micro_batch_size")
    assert "defect" not in said


def test_whether_it_is_compiled_is_decided_once(
    work: Path, tiny_run: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for, it is, in a run of its own; else what was decided when the run began stands."""
    compiled: list[bool] = []

    def carried_out(order: WorkOrder, *_: Any, **__: Any) -> None:
        compiled.append(order.compiled)

    monkeypatch.chdir(work)
    monkeypatch.setattr("lab.run.execute", carried_out)
    asked = ["train", "run.yaml", "--quiet"]
    assert main(asked) == 130
    assert main([*asked, "--set", "train.compile=true"]) == 130
    assert main(asked) == 130
    assert main([*asked, "--set", "train.compile=false"]) == 130
    assert compiled == [False, True, False, False]


def test_under_other_threads_it_goes_on_when_asked_to(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(work)
    monkeypatch.setattr("lab.run.execute", lambda *_, **__: None)
    assert main(["train", "run.yaml"]) == 130
    capsys.readouterr()
    assert main(["train", "run.yaml", "--threads", "2"]) == 2
    assert "number of threads (1, now 2)" in capsys.readouterr().err
    assert main(["train", "run.yaml", "--threads", "2", "--keep"]) == 130
    assert main(["train", "run.yaml", "--threads", "2"]) == 130
