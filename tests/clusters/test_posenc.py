"""The shipped question, shortened: Slurm and Ray come to what this machine alone comes to."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from lab.config.launcher import Slurm
from lab.errors import LabError
from scripts.same_sweep import differences
from tests.clusters.ray_nodes import RayCluster

SHORTENED = ("train.steps=30", "train.schedule.warmup_steps=3", "evaluate.tokens=2048",
    "tune.trials=2", "confirm.max_seeds=4", "tracking.wandb.mode=offline")  # fmt: skip


def answered(folder: Path, *sets: str) -> Path:
    """The working folder of the sweep, when it has ended."""
    words = [word for each in (*SHORTENED, *sets) for word in ("--set", each)]
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "lab.sweep", "posenc.yaml", *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What this machine alone comes to."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("alone")
        patch.setenv("LAB_CACHE", str(folder / "cache"))
        yield answered(folder / "here")


@pytest.fixture(autouse=True)
def _same_cache(_private_cache: None, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results name the text as the cache does."""
    monkeypatch.setenv("LAB_CACHE", str(here.with_name("cache")))


def test_slurm(here: Path, tmp_path: Path) -> None:
    try:
        from lab.sweep.launchers.slurm import check

        check(Slurm())
    except LabError as error:
        if os.environ.get("LAB_CLUSTERS"):
            raise
        pytest.skip(str(error))
    assert differences(here, answered(tmp_path / "there", "launcher.kind=slurm")) == []


def test_ray(here: Path, tmp_path: Path) -> None:
    if not find_spec("ray") and not os.environ.get("LAB_CLUSTERS"):
        pytest.skip("Ray is not installed; pip install 'gpt-lab[ray]'")
    cluster = RayCluster(tmp_path / "cluster")
    try:
        cluster.join()
        sets = "launcher.kind=ray", f"launcher.address={cluster.address}"
        assert differences(here, answered(tmp_path / "there", *sets)) == []
    finally:
        cluster.end()
