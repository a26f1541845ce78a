"""Faults in the model's source fail their certificate, and a test besides."""

import subprocess
import sys
from pathlib import Path

import pytest

import lab

ROOT = Path(lab.__file__).parents[1]
CHECKS = {
    "RoPE with a left-over learned table": "position: scores depend on the offset alone",
    "a leaking mask": "causality",
    "ALiBi slopes off by one": "position: slopes",
    "a norm without its epsilon": "norm: epsilon",
}


@pytest.mark.proof
def test_no_planted_fault_survives() -> None:
    command = [sys.executable, "scripts/mutation_check.py", *CHECKS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for fault, check in CHECKS.items():
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(f" {fault} ")]
        assert check in line
        assert "tests/model/" in line
