"""A real sweep, killed six times, ends in the bytes of one that was left in peace."""

import subprocess
import sys
from pathlib import Path

import pytest

import lab

SCRIPT = Path(lab.__file__).parents[1] / "scripts" / "chaos.py"


@pytest.mark.proof
def test_six_kills_change_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--kills", "6", "--seed", "1", "--keep", str(tmp_path / "c")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "kill 6/6" in done.stdout
    assert "equal: nothing lost, nothing double" in done.stdout
