"""nanoGPT's loss on tiny Shakespeare, with nanoGPT's settings for a CPU.

Needs the corpus, which is not shipped: TINY_SHAKESPEARE names the file.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab import open_sweep
from lab.files import sha256_file

CORPUS = os.environ.get("TINY_SHAKESPEARE", "")
SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


@pytest.mark.proof
@pytest.mark.trains
@pytest.mark.skipif(not CORPUS, reason="TINY_SHAKESPEARE names no file")
def test_three_seeds_reach_the_published_loss(tmp_path: Path) -> None:
    path = Path(CORPUS).absolute()
    assert sha256_file(path) == SHA256
    overrides = [f"data.corpus.path={path}", "tracking.wandb.mode=disabled"]
    words = [word for override in overrides for word in ("--set", override)]
    done = subprocess.run(
        [sys.executable, "-m", "lab.sweep", "nanogpt-cpu.yaml", *words], cwd=tmp_path, check=False
    )
    assert done.returncode == 0
    sweep = open_sweep(tmp_path / "experiments" / "nanogpt-cpu")
    (verdict,) = sweep.verdicts()
    assert verdict.n == 3
    assert abs(verdict.difference - 1.90) <= 0.02
    assert set(sweep.runs()["vocab_size"]) == {65}
