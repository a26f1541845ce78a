"""The shipped question, shortened: Slurm and Ray come to what this machine alone comes to."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from lab.config.launcher import Slurm
from lab.errors import LabError
from lab.sweep.launchers.sbatch import check
from scripts.same_sweep import differences
from tests.clusters.ray_nodes import RayCluster

SHORTENED = ("train.steps=30", "train.schedule.warmup_steps=3", "evaluate.tokens=2048",
    "tune.trials=2", "confirm.max_seeds=4", "tracking.wandb.mode=offline")  # fmt: skip


def answered(folder: Path, *sets: str, cache: Path) -> Path:
    """The working folder of the sweep, when it has ended; results name the text as `cache` does."""
    words = [word for each in (*SHORTENED, *sets) for word in ("--set", each)]
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "lab.sweep", "posenc.yaml", *words],
        cwd=folder,
        env={**os.environ, "LAB_CACHE": str(cache)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def slurm() -> None:
    try:
        check(Slurm())
    except LabError as error:
        if os.environ.get("LAB_CLUSTERS"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def ray() -> None:
    if not find_spec("ray") and not os.environ.get("LAB_CLUSTERS"):
        pytest.skip("Ray is not installed; pip install 'gpt-lab[ray]'")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What this machine alone comes to."""
    folder = tmp_path_factory.mktemp("alone")
    return answered(folder / "here", cache=folder / "cache")


def test_slurm(slurm: None, here: Path, tmp_path: Path) -> None:
    there = answered(tmp_path / "there", "launcher.kind=slurm", cache=here.with_name("cache"))
    assert differences(here, there) == []


def test_ray(ray: None, here: Path, tmp_path: Path) -> None:
    cluster = RayCluster(tmp_path / "cluster")
    try:
        cluster.join()
        sets = "launcher.kind=ray", f"launcher.address={cluster.address}"
        there = answered(tmp_path / "there", *sets, cache=here.with_name("cache"))
        assert differences(here, there) == []
    finally:
        cluster.end()
