"""What the shipped search of a learning rate gives up, it gives up for little."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lab
from lab.files import read_json

LR = Path(lab.__file__).parents[1] / "configs" / "lr.yaml"


@pytest.mark.proof
@pytest.mark.trains
def test_halving_finds_the_rate_with_half_of_the_tokens(tmp_path: Path) -> None:
    halved = search("lr", tmp_path)
    full = search("lr-full", tmp_path, "tune.pruner=null")
    assert full["tokens"]["spent"] == full["tokens"]["full"] == halved["tokens"]["full"]
    assert halved["tokens"]["spent"] <= 0.5 * full["tokens"]["spent"]
    assert halved["best"]["values"][0] <= full["best"]["values"][0] + full["seed_noise"]
    (said,) = [line for line in halved["answer"] if "tokens that all trials" in line]
    share = halved["tokens"]["spent"] / halved["tokens"]["full"]
    assert f"{100 * share:.0f} %" in said
    assert f"{halved['best']['values'][0]:.4f}" in halved["answer"][0]


def search(name: str, folder: Path, *overrides: str) -> dict[str, Any]:
    """The search in lr.yaml under another name: what its report says of it."""
    shutil.copyfile(LR, folder / f"{name}.yaml")
    words = [w for o in ("tracking.wandb.mode=disabled", *overrides) for w in ("--set", o)]
    command = [sys.executable, "-m", "lab.sweep", f"{name}.yaml", *words]
    done = subprocess.run(command, cwd=folder, env=os.environ, check=False)
    assert done.returncode == 0
    found: dict[str, Any] = read_json(folder / "experiments" / name / "report" / "report.json")
    return found["search"]
