"""A real sweep, killed six times, ends in the bytes of one that was left in peace."""

import subprocess
import sys
from pathlib import Path

import pytest

import lab

SCRIPT = Path(lab.__file__).parents[1] / "scripts" / "chaos.py"
BLOWS = (  # what this seed draws: every level, and every way that ends a process
    "worker SIGKILL",
    "supervisor SIGKILL",
    "fork server SIGKILL",
    "group SIGINT twice",
    "worker SIGTERM",
    "supervisor SIGINT",
)
SEED = "12883"


@pytest.mark.proof
def test_six_kills_change_nothing(tmp_path: Path) -> None:
    given = ["--kills", str(len(BLOWS)), "--seed", SEED, "--keep", str(tmp_path / "c")]
    done = subprocess.run([sys.executable, str(SCRIPT), *given], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for number, blow in enumerate(BLOWS, 1):
        (line,) = [x for x in done.stdout.splitlines() if f"kill {number}/{len(BLOWS)} " in x]
        assert blow in line, done.stdout
    assert "equal: nothing lost, nothing double" in done.stdout
