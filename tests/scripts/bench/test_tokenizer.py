"""That the benchmark runs and compares equal things; what it measures is for a quiet machine."""

import re
import runpy
import sys
from pathlib import Path

import pytest

import lab

SCRIPT = Path(lab.__file__).parents[1] / "scripts" / "bench" / "tokenizer.py"
TEXT = "The cat's mat: 42 of 1234!\r\n\n  naïve 日本 🙂 they'll\tsay so\n" * 30


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *words])
    runpy.run_path(str(SCRIPT), run_name="__main__")


def test_every_encoding_gives_the_same_ids(monkeypatch, capsys, tmp_path):
    file = tmp_path / "text.txt"
    file.write_bytes(TEXT.encode())
    run(monkeypatch, "--file", str(file), "--vocab-size", "300", "--rounds", "1")
    said = capsys.readouterr().out
    assert "300 tokens" in said
    assert "all encodings give the same ids" in " ".join(said.split())
    rows = [line for line in said.splitlines() if re.search(r"\d\.\d{3}", line)]
    assert len(rows) == 5
    assert rows[0].split()[-2] == "1.0"  # plain Python, to itself


def test_other_ids_are_noticed(tmp_path):
    module = runpy.run_path(str(SCRIPT))
    encoders = {"one": lambda: lambda text: [1], "two": lambda: lambda text: [2]}
    with pytest.raises(SystemExit, match="two: these are not the ids of one"):
        module["_alternate"](encoders, "text", rounds=1)


def test_a_file_that_is_not_there_is_a_sentence(monkeypatch):
    with pytest.raises(SystemExit, match="no file 'none"):
        run(monkeypatch, "--file", "none.txt")
