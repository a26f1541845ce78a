"""That the benchmark makes up a sweep as the lab leaves one; what it measures is for the proofs."""

import re
import runpy
import sys
from pathlib import Path

import lab
from lab.report.collect import open_sweep

SCRIPT = Path(lab.__file__).parents[1] / "scripts" / "bench" / "report.py"


def test_a_hundred_runs(monkeypatch, capsys, tmp_path):
    folder = tmp_path / "many"
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--quick", "--keep", str(folder)])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    runs, _, processor, memory, page = re.findall(r"[\d.,]+", capsys.readouterr().out)[-5:]
    sweep = open_sweep(folder)
    rows = sweep.runs()
    assert len(rows) == int(runs) == 10 * (5 + 4)
    assert set(rows["status"]) <= {"complete", "diverged"}
    assert rows.groupby(["variant", "phase"]).size().to_dict() == {
        (arm, phase): n for arm in sweep.question.arms for phase, n in (("tune", 5), ("confirm", 4))
    }
    assert len(sweep.curve(rows["run"].iloc[0])) == 31
    assert sweep.search().is_kept
    assert float(processor) > 0
    assert 50 < float(memory) < 1024
    assert 0 < float(page) < 3
