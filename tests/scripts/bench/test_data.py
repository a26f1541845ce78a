"""That the benchmark runs; what it measures is for a quiet machine."""

import itertools
import re
import runpy
import sys
from pathlib import Path

import lab

SCRIPT = Path(lab.__file__).parents[1] / "scripts" / "bench" / "data.py"


def test_prints_seconds_rates_their_ratio_and_memory(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--quick"])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    row = next(line for line in capsys.readouterr().out.splitlines() if "tokens" in line)
    cells = row.replace("(0.3 MB, 4096 tokens)", "")
    learning, ours, theirs, ratio, whole, memory = map(float, re.findall(r"[\d.]+", cells))
    assert min(learning, whole) > 0
    assert 0.2 * ours / theirs < ratio < 5 * ours / theirs
    assert 30 < memory < 1024


def test_made_up_text_is_varied_and_ever_the_same():
    made_up = runpy.run_path(str(SCRIPT))["made_up"]
    first, second = itertools.islice(made_up(10**7), 2)
    assert (first, second) == tuple(itertools.islice(made_up(10**7), 2))
    assert len(set(second.split()) - set(first.split())) > 4000
    assert not first.isascii()
    assert [len(text) for text in made_up(1000)] == [1000]
