"""A report over a thousand runs is made in seconds, and opens at once.

The sweep is what scripts/bench/report.py makes up. Seconds are the processor's, of a process of its
own: other work on the machine does not count. Memory is the most that process ever had.
"""

import logging
import runpy
from pathlib import Path

import pytest

import lab

LOG = logging.getLogger(__name__)  # shown by --log-cli-level=info
BENCH = runpy.run_path(str(Path(lab.__file__).parents[1] / "scripts" / "bench" / "report.py"))
SECONDS = 20
MEMORY = 2**30  # bytes
PAGE = 3 * 10**6  # bytes


@pytest.mark.proof
def test_a_thousand_runs_within_twenty_seconds_and_a_gibibyte(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    assert BENCH["made_up"](folder, trials=50, seeds=46) > 1_000
    found = BENCH["measured"](folder)
    LOG.info("a report over a thousand runs: %s", found)
    assert found["processor"] < SECONDS
    assert found["memory"] < MEMORY
    assert found["page"] < PAGE
