"""A hundred thousand runs: planned, run by a thousand simulated workers, and collected.

Two attempts in a hundred fail. The supervisor stays small and keeps the workers busy. What time it
takes of its own is told by the command, and not asserted: a machine may be shared.
"""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.files import read_json

RUNS, WORKERS, FAILURES = 100_000, 1000, 0.02
VARIANTS = "\n".join(
    f"  v{n}: {{train.optimizer.lr: {1e-3 + n * 1e-5:.5f}}}" for n in range(RUNS // 1000)
)
QUESTION = f"""\
question: Which of a hundred rates is best?
base:
  data: {{corpus: {{kind: python-docs}}, tokenizer: {{kind: char}}}}
  model: {{n_layers: 2, n_heads: 4, d_model: 64, max_seq_len: 64}}
  train: {{steps: 1000, batch_size: 8, optimizer: {{kind: adamw, lr: 3.0e-3}}}}
baseline: v0
variants:
{VARIANTS}
confirm: {{test: fixed, max_seeds: 1000, twin: false}}
launcher: {{kind: simulated, workers: {WORKERS}, failures: {FAILURES}}}
"""
GIB, BUSY = 1.5, 0.95


@pytest.mark.proof
def test_a_hundred_thousand_runs(tmp_path: Path) -> None:
    (tmp_path / "many.yaml").write_text(QUESTION)
    folder = tmp_path / "experiments" / "many-simulated"
    try:
        command = [sys.executable, "-m", "lab.sweep", "many.yaml"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        told = read_json(folder / "simulated.json")
        assert told["finished"]
        assert told["runs"] == sum(told["statuses"].values()) == RUNS
        assert told["failed_attempts"] / told["attempts"] == pytest.approx(FAILURES, rel=0.1)
        assert told["busy_while_runs_remain"] > BUSY
        assert told["peak_bytes"] / 2**30 < GIB
        with (folder / "results.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert len({row["run"] for row in rows}) == RUNS
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # two gigabytes
