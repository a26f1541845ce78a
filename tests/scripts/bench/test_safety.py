"""That the measuring of what safety costs still measures, and says so of each part."""

import subprocess
import sys
from pathlib import Path

import pytest

import lab

SCRIPT = Path(lab.__file__).parents[1] / "scripts" / "bench" / "safety.py"


@pytest.mark.proof  # some 10 s, most of which torch and the reading of a corpus take
def test_every_cost_is_measured(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--quick"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    for said in (
        "confirmation, a seed at a time",
        "search, quasi-random",
        "ms to start a process",
        "looks a second",
        "checkpoints",
        "four times as wide",
    ):
        assert said in done.stdout.replace("\n", " "), done.stdout
    assert list(tmp_path.iterdir()) == []
