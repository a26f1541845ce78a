"""What a launcher cannot do is refused before anything is written."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.cli import main
from lab.config.launcher import Slurm
from lab.config.loading import load_sweep

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def here(tmp_path: Path, tiny_run: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    question = {
        "question": "Which?",
        "base": tiny_run,
        "variants": {"a": {}, "b": {"model.norm.eps": 1e-6}},
    }
    (tmp_path / "question.yaml").write_text(yaml.safe_dump(question, sort_keys=False))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")


def refused(capsys: pytest.CaptureFixture[str], *sets: str) -> str:
    """What is said, in one line, where nothing is written."""
    words = [word for each in sets for word in ("--set", each)]
    assert main(["sweep", "question.yaml", *words]) == 2
    said = capsys.readouterr().err.strip()
    assert "\n" not in said
    assert not Path("experiments").exists()
    return said


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (["launcher.kind=slrm"], "did you mean 'slurm'"),
        (["launcher={kind: slurm, partitions: x}"], "partition"),
        (["launcher={kind: slurm, gpus: 1}", "device=cpu"], "launcher.gpus=1 do not go together"),
        (["launcher.kind=slurm", "device=cuda"], "device: cuda and launcher.gpus=0"),
        (["launcher={kind: slurm, processes: 3}"], "not a multiple of the 3 processes"),
        (["launcher={kind: ray, processes: 2, gpus: 0.5}", "device=auto"], "want a GPU each"),
        (["launcher={kind: ray, gpus: 0.0001}"], "is 0, or at least 0.001"),
        (
            ["launcher={kind: slurm, processes: 2}", "execution={kind: cohort, members: 2}"],
            "take kind: alone",
        ),
    ],
)
def test_what_does_not_go_together(
    capsys: pytest.CaptureFixture[str], sets: list[str], said: str
) -> None:
    assert said in refused(capsys, *sets)


def test_nothing_is_measured_for_another_machine(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.commands.sweep.require_launcher", lambda asked: None)
    for execution in ("execution.kind=auto", "execution={kind: alone, threads: auto}"):
        assert "nothing can be measured here" in refused(capsys, "launcher.kind=ray", execution)
    assert "--measure times steps on this machine" in refused_dry(capsys, "--measure")


def refused_dry(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    words = ["sweep", "question.yaml", "--dry-run", "--set", "launcher.kind=slurm", *options]
    assert main(words) == 2
    return capsys.readouterr().err


def test_a_dry_run_says_what_is_asked_of_a_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["sweep", "question.yaml", "--dry-run", "--set", "launcher={kind: slurm, gpus: 1}"]
    assert main([*words, "--set", "device=auto"]) == 0
    said = capsys.readouterr().out
    assert "cluster   slurm: 2 jobs, 64 at a time at most" in said
    assert "hours     of cores and GPUs are known once a first run has ended there" in said
    assert "chain     1 runs in turn" in said


def test_where_runs_are_placed_is_no_part_of_the_plan(here: None) -> None:
    plain = load_sweep("question.yaml")
    placed = load_sweep("question.yaml", overrides=["launcher={kind: slurm, partition: gpu}"])
    assert placed.launcher.kind == "slurm"
    assert placed.dump() == plain.dump()
    assert placed.completed({}).launcher == placed.launcher


def test_another_place_begins_with_its_own_defaults(here: None) -> None:
    """What the file says of one place does not suit another."""
    file = Path("question.yaml")
    file.write_text(file.read_text() + "launcher: {kind: slurm, partition: gpu, gpus: 1}\n")
    for kind in ("local", "ray", "simulated"):
        assert load_sweep(file, overrides=[f"launcher.kind={kind}"]).launcher.kind == kind
    same = load_sweep(file, overrides=["launcher.kind=slurm", "launcher.time=5"]).launcher
    assert same == Slurm(partition="gpu", gpus=1, time=5)
