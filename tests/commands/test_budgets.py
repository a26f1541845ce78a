"""A sweep in pieces, each with its budget, comes to the results of one that nobody stopped."""

from pathlib import Path
from typing import Any

import pytest

from tests.commands.folder import Lab
from tests.commands.test_sweep import QUESTION

pytestmark = pytest.mark.usefixtures("quick")
FEW: dict[str, Any] = {**QUESTION, "tune": None}  # 2 variants of 2 seeds


def finished(lab: Lab) -> dict[str, bytes]:
    """result.json of each run that has one: its timing tells a run from a repeated one."""
    return {file.parent.name: file.read_bytes() for file in lab.sweep.glob("runs/*/result.json")}


@pytest.mark.proof
def test_pieces_come_to_the_same_and_repeat_nothing(corpus: Path, tmp_path: Path) -> None:
    whole, lab = Lab(tmp_path / "whole", corpus, FEW), Lab(tmp_path / "pieces", corpus, FEW)
    assert whole.run("--workers", "2").returncode == 0

    done = lab.run("--workers", "2", "--max-runs", "1")
    assert done.returncode == 130, done.stderr
    assert "stopped: --max-runs 1 is used up; the same command continues: " in done.stderr
    first = finished(lab)
    assert len(first) == 1

    done = lab.run("--workers", "2", "--max-flops", "6e8")  # a run takes 4.6e8
    assert done.returncode == 130, done.stderr
    assert "1 finished run is taken over" in done.stderr
    assert "   2/4" in done.stderr
    assert "stopped: of --max-flops 6e+08 there are " in done.stderr
    assert len(finished(lab)) == 2

    done, allowed = lab.run("--workers", "2", "--max-time", "0.001s"), 4
    assert "stopped: --max-time 0.001s is over; that is too little" in done.stderr
    while done.returncode == 130:
        done, allowed = lab.run("--workers", "2", "--max-time", f"{allowed}s"), 2 * allowed
    assert done.returncode == 0, done.stderr

    assert lab.results() == whole.results()
    assert lab.curves() == whole.curves()
    assert finished(lab).items() >= first.items()


def test_a_budget_that_means_nothing_is_refused(corpus: Path, tmp_path: Path) -> None:
    lab = Lab(tmp_path, corpus, FEW)
    for option in (["--max-time", "90"], ["--max-flops", "lots"], ["--max-runs", "0"]):
        done = lab.run(*option)
        assert done.returncode == 2
        assert option[0] in done.stderr
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "experiments").exists()
