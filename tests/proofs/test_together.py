"""One run by two processes, from torchrun to the package: the run of one process, whatever happens.

Over 50 steps at a rate of 1e-3 and without dropout, losses and parameters agree to 1e-5.
"""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors.torch import load_file

from lab import load_package
from lab.package.verify import verify
from tests.commands.torchrun import said, start

CLOSE = 1e-5
MICRO = ("--set", "train.micro_batch_size=4", "--set", "train.activation_checkpointing=true")
LONG = ("--set", "train.steps=3000", "--set", "train.checkpoint_every=100")


@pytest.fixture
def config(tiny_run: dict[str, Any]) -> str:
    train = {
        "steps": 50,
        "batch_size": 8,
        "optimizer": {"kind": "adamw", "lr": 1e-3},
        "schedule": {"kind": "cosine", "warmup_steps": 5},
        "log_every": 1,
        "eval_every": 10,
    }
    model = {"n_layers": 2, "n_heads": 2, "d_model": 32, "max_seq_len": 32}
    return yaml.safe_dump(tiny_run | {"train": train, "model": model})


def place(tmp_path: Path, name: str, config: str) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "run.yaml").write_text(config)
    return folder


def alone(work: Path, *options: str) -> None:
    command = [sys.executable, "-m", "lab.train", "run.yaml", *options]
    subprocess.run(command, cwd=work, check=True, capture_output=True)


def together(work: Path, *options: str, processes: int = 2) -> str:
    process = start(work, *options, processes=processes)
    out = said(process)
    assert process.returncode == 0, out
    return out


def one(work: Path, room: str) -> Path:
    (folder,) = (work / room / "train").iterdir()
    return folder


def rows(work: Path) -> list[dict[str, str]]:
    return metrics_in(one(work, "experiments") / "metrics.csv")


def metrics_in(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(file.read_text().splitlines()))


def apart(found: Path, wanted: Path) -> tuple[float, float]:
    """The largest relative differences of metrics, and of parameters."""
    metrics = [
        abs(float(mine[name]) - float(cell)) / max(abs(float(cell)), 1e-12)
        for mine, theirs in zip(rows(found), rows(wanted), strict=True)
        for name, cell in theirs.items()
        if cell
    ]
    ours, theirs = (
        load_file(one(work, "artifacts") / "model.safetensors") for work in (found, wanted)
    )
    assert ours.keys() == theirs.keys()
    parameters = [float((ours[n] - t).norm() / t.norm()) for n, t in theirs.items()]
    return max(metrics), max(parameters)


def names(work: Path) -> set[str]:
    return {str(file.relative_to(work)) for file in work.rglob("*") if file.is_file()}


@pytest.mark.proof
@pytest.mark.parametrize("sharded", [(), ("--sharded",)], ids=["ddp", "fsdp"])
@pytest.mark.parametrize("more", [(), MICRO], ids=["plain", "micro-batches, recomputed"])
def test_two_processes_are_one(
    tmp_path: Path, config: str, sharded: tuple[str, ...], more: tuple[str, ...]
) -> None:
    wanted, found = (place(tmp_path, name, config) for name in ("wanted", "found"))
    alone(wanted, *more)
    together(found, *sharded, *more)
    metrics, parameters = apart(found, wanted)
    assert metrics < CLOSE
    assert parameters < CLOSE
    assert names(found) == names(wanted)
    package = one(found, "artifacts")
    verify(package)
    assert len(load_package(package).generate("alpha", max_new_tokens=8)) > 0


@pytest.mark.proof
def test_one_process_of_torchrun_is_one_alone(tmp_path: Path, config: str) -> None:
    wanted, found = (place(tmp_path, name, config) for name in ("wanted", "found"))
    alone(wanted)
    together(found, processes=1)
    assert apart(found, wanted) == (0.0, 0.0)
    assert names(found) == names(wanted)


def until(work: Path, step: int) -> None:
    """Wait until the log of the run in a folder has come to a step."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for file in work.glob("experiments/train/*/metrics.csv"):
            if any(int(row["step"] or 0) >= step for row in metrics_in(file)):
                return
        time.sleep(0.1)
    raise TimeoutError(f"no step {step} in {work}")


@pytest.mark.proof
@pytest.mark.parametrize("sharded", [(), ("--sharded",)], ids=["ddp", "fsdp"])
@pytest.mark.parametrize("ctrl_c", [False, True], ids=["terminated", "ctrl-c"])
def test_a_signal_saves_and_the_same_command_continues(
    tmp_path: Path, config: str, sharded: tuple[str, ...], ctrl_c: bool
) -> None:
    options = (*sharded, "--set", "train.steps=400", "--set", "train.log_every=5")
    wanted, found = (place(tmp_path, name, config) for name in ("wanted", "found"))
    together(wanted, *options)
    process = start(found, *options)
    until(found, 20)
    if ctrl_c:  # a terminal sends it to all, and torchrun hands it on
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.terminate()
    out = said(process)
    assert out.count("stopped at a checkpoint; the same command continues") == 1, out
    assert out.count("stopping after a checkpoint") == 1
    assert process.returncode != 0
    assert list(found.glob("experiments/train/*/checkpoint/*.json"))
    together(found, *options)
    assert apart(found, wanted) == (0.0, 0.0)
    assert names(found) == names(wanted)


@pytest.mark.proof
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ("--set", "train.batchsize=5"),
            "train.batchsize: unknown key; did you mean 'batch_size'?",
        ),
        (
            ("--set", "train.batch_size=9"),
            "train.batch_size=9 is not a multiple of the 2 processes",
        ),
        (("--set", "data.corpus.path=none.txt"), "none.txt"),
        (("--unknown",), "No such option: --unknown"),
    ],
)
def test_bad_input_is_one_sentence(
    tmp_path: Path, config: str, options: tuple[str, ...], sentence: str
) -> None:
    work = place(tmp_path, "work", config)
    process = start(work, *options)
    out = said(process)
    assert out.count(sentence) == 1, out
    assert "exitcode  : 2" in out
    assert "exitcode  : 1 " not in out
    assert names(work) == {"run.yaml"}


@pytest.mark.proof
@pytest.mark.parametrize("rank", [0, 1])
def test_one_that_dies_ends_all_and_the_same_command_continues(
    tmp_path: Path, config: str, rank: int
) -> None:
    work = place(tmp_path, "work", config)
    process = start(work, *LONG)
    until(work, 150)
    os.kill(ranks(process.pid)[rank], signal.SIGKILL)
    out = said(process)
    assert process.returncode != 0
    assert "exitcode  : -9" in out
    again = start(work, *LONG)
    until(work, 250)
    again.terminate()
    said(again)
    steps = [int(row["step"]) for row in rows(work)]
    assert steps == sorted(set(steps))


def ranks(torchrun: int) -> list[int]:
    """The processes that it has started, in order."""
    children = Path(f"/proc/{torchrun}/task/{torchrun}/children").read_text().split()
    found = {}
    for child in children:
        environment = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
        names = dict(entry.split(b"=", 1) for entry in environment if b"=" in entry)
        if b"RANK" in names:
            found[int(names[b"RANK"])] = int(child)
    return [found[rank] for rank in sorted(found)]


@pytest.mark.proof
def test_another_way_goes_on_when_asked_to(tmp_path: Path, config: str) -> None:
    wanted, work = (place(tmp_path, name, config) for name in ("wanted", "work"))
    options = ("--set", "train.steps=100", "--set", "train.log_every=5")
    alone(wanted, *options)
    process = start(work, "--sharded", *options)
    until(work, 20)
    process.terminate()
    said(process)
    refused = said(start(work, *options))
    assert refused.count("was run under another") == 1
    assert "(fsdp, now ddp)" in refused
    together(work, "--keep", *options)
    metrics, parameters = apart(work, wanted)
    assert metrics < CLOSE
    assert parameters < CLOSE
