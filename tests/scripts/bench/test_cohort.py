"""That the measuring of cohorts still measures."""

import subprocess
import sys
from pathlib import Path

import pytest

import lab

SCRIPT = Path(lab.__file__).parents[1] / "scripts" / "bench" / "cohort.py"


@pytest.mark.proof  # some seconds, most of which torch takes
def test_a_cell_is_measured(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--quick", "--layers", "1", "--rounds", "3"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "layers: 1" in done.stdout
    assert "│ 32    │ 2 × 16 │ 4 " in done.stdout
    assert list(tmp_path.iterdir()) == []
