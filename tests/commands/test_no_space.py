"""A disk that is full pauses a sweep, and takes nothing of what is there.

On a disk of a few hundred kilobytes, where this machine lets us have one.
"""

import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from lab.cli import main
from lab.files import read_json, sha256_file
from lab.package.verify import verify
from tests.commands.folder import Lab
from tests.commands.test_sweep import QUESTION

pytestmark = pytest.mark.usefixtures("quick")
FEW: dict[str, Any] = {**QUESTION, "tune": None}  # 2 variants of 2 seeds


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        mount("-t", "tmpfs", "-o", "size=340k", "tmpfs", str(folder))
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no disk can be mounted here: {error}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


def resize(disk: Path, size: str) -> None:
    mount("-o", f"remount,size={size}", str(disk))


def require_whole(lab: Lab) -> None:
    """Every file that is there is what was written."""
    for file in lab.folder.rglob("*.json"):
        read_json(file)
    for described in lab.sweep.glob("runs/*/checkpoint/*.json"):
        assert sha256_file(described.with_suffix(".safetensors")) == read_json(described)["sha256"]
    for package in lab.artifacts.glob("[!.]*"):
        verify(package)


def test_a_sweep_pauses_and_goes_on(corpus: Path, disk: Path, tmp_path: Path) -> None:
    whole = Lab(tmp_path / "whole", corpus, FEW)
    assert whole.run("--workers", "2").returncode == 0
    lab = Lab(disk / "lab", corpus, FEW)
    for size in ("120k", "340k"):
        resize(disk, size)
        done = lab.run("--workers", "2", "-q")
        assert done.returncode == 130, done.stderr
        assert done.stderr.count("there is no room left for ") == 1
        assert "MB free; what was there is whole" in done.stderr
        assert done.stderr.endswith("once there is room the same command continues\n")
        require_whole(lab)
    before = {f.parent.name: f.read_bytes() for f in lab.sweep.glob("runs/*/result.json")}
    resize(disk, "40m")
    done = lab.run("--workers", "2")
    assert done.returncode == 0, done.stderr
    assert lab.results() == whole.results()
    assert lab.curves() == whole.curves()
    for run, content in before.items():  # none of them was trained again
        assert (lab.sweep / "runs" / run / "result.json").read_bytes() == content


def test_one_run_pauses_and_goes_on(corpus: Path, disk: Path) -> None:
    words = ["train", "tiny.yaml", "-q"]
    lab = Lab(disk / "lab", corpus, FEW)
    resize(disk, "120k")
    code, said = ask(lab, *words)
    assert (code, said.count("\n")) == (130, 1), said
    assert "there is no room left for experiments/train/tiny-0-" in said
    require_whole(lab)
    resize(disk, "40m")
    assert ask(lab, *words)[0] == 0


def test_a_disk_that_may_only_be_read_is_one_sentence(corpus: Path, disk: Path) -> None:
    resize(disk, "4m")
    lab = Lab(disk / "lab", corpus, FEW)
    mount("-o", "remount,ro", str(disk))
    for words in (["sweep", "tiny.yaml"], ["train", "tiny.yaml"]):
        code, said = ask(lab, *words)
        assert (code, said.count("\n")) == (2, 1), said
        assert "Read-only file system; work where files may be" in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_for_the_output_is_one_sentence() -> None:
    with Path("/dev/full").open("w") as full:
        words = [sys.executable, "-m", "lab.sizes", "baby-gpt"]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 130
    assert done.stderr == ("there is no room left for the output; the same command continues\n")


def ask(lab: Lab, *words: str) -> tuple[int, str]:
    """The exit code of a command, and what it says."""
    out = io.StringIO()
    with chdir(lab.folder), redirect_stdout(out), redirect_stderr(out):
        return main(list(words)), out.getvalue()
