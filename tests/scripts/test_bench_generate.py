"""That the benchmark runs; what it measures is for a quiet machine."""

import re
import runpy
import sys
from pathlib import Path

import lab

SCRIPT = Path(lab.__file__).parents[1] / "scripts" / "bench_generate.py"


def test_prints_rates_and_ratios_of_both_shapes(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--quick"])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    printed = capsys.readouterr().out
    for shape in ("GPT-2", "Llama"):
        rates, ratios = (line for line in printed.splitlines() if shape in line)
        our_1, their_1, our_16, their_16 = map(
            float, re.findall(r"[\d.]+", rates.replace(",", ""))[-4:]
        )
        found = [float(number) for number in re.findall(r"\d+\.\d", ratios)]
        expected = [our_1 / their_1, our_16 / their_1, our_16 / their_16, our_16 / our_1]
        assert all(abs(a - b) < 0.06 + 0.05 * b for a, b in zip(found, expected, strict=True))
