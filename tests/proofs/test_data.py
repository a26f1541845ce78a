"""A gigabyte of text becomes token ids within a gibibyte, at the speed of the library or better.

The text is what scripts/bench/data.py makes up. Memory is that of a whole `prepare`, in a process
of its own that keeps its own count: reading, learning, encoding, searching for held-out text. Speed
is measured on portions of that text, ours and the library's in turn, so that whatever else the
machine does falls on both.
"""

import json
import logging
import os
import runpy
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

import lab
from lab.data.store import open_prepared

LOG = logging.getLogger(__name__)  # shown by --log-cli-level=info
BENCH = runpy.run_path(str(Path(lab.__file__).parents[1] / "scripts" / "bench" / "data.py"))
SIZE = 10**9  # bytes
PORTION, EVERY = 10**7, 90 * 10**6  # bytes
MEMORY = 2**30  # bytes
SPEED = 0.9


@pytest.mark.proof
def test_a_gigabyte_within_a_gibibyte_at_the_speed_of_the_library(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    with path.open("w", encoding="utf-8") as file:
        for text in BENCH["made_up"](SIZE):
            file.write(text)
    assert path.stat().st_size >= SIZE

    done = subprocess.run(
        [sys.executable, BENCH["__file__"], "--prepare", str(path)],
        env={**os.environ, "LAB_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    data = open_prepared(Path(found["folder"]))
    assert sum(stats.bytes for stats in data.stats.values()) == path.stat().st_size
    LOG.info("%.0f MiB, %.0f seconds", found["memory"] / 2**20, found["seconds"])
    assert found["memory"] < MEMORY

    content = path.open("rb")
    portions = []
    for start in range(0, SIZE, EVERY):
        content.seek(start)
        portions.append(content.read(PORTION).decode("utf-8", errors="ignore"))
    content.close()
    seconds = BENCH["in_turn"](portions, data.tokenizer)
    ratios = [theirs / ours for ours, theirs in seconds]
    LOG.info("ours / library: %s", ratios)
    assert statistics.median(ratios) >= SPEED
    assert sum(theirs for _, theirs in seconds) / sum(ours for ours, _ in seconds) >= SPEED
