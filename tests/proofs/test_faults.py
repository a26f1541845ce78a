"""A run, a sweep and a report broken at each kind of their writes end as if nothing had been.

Every kind of write is met where it is made first; besides, every few writes, whatever they are. All
of them, in every way, take a quarter of an hour: EVERY_WRITE=1 does that. `tests/faults/` does so
at fewer.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.faults.injector import How, chosen
from tests.faults.lives import Lives
from tests.faults.sweeps import Sweeps

pytestmark = pytest.mark.proof
EVERY: dict[How, int] = {"before": 8, "torn": 17, "no space": 23, "read-only": 31}
if os.environ.get("EVERY_WRITE"):
    EVERY = dict.fromkeys(EVERY, 1)


@pytest.fixture(scope="module")
def sweeps(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Sweeps:
    return Sweeps(corpus, tmp_path_factory.mktemp("sweeps"))


@pytest.fixture(scope="module")
def reported(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Sweeps:
    return Sweeps(corpus, tmp_path_factory.mktemp("reported"), reports=True)


@pytest.mark.parametrize("how", EVERY)
def test_a_run_at_its_writes(tiny_run: dict[str, Any], tmp_path: Path, how: How) -> None:
    lives = Lives(tiny_run, tmp_path)
    for at in chosen(lives.whole.writes, every=EVERY[how]):
        lives.breaks(at, how)


@pytest.mark.parametrize("how", EVERY)
def test_a_sweep_at_its_writes(sweeps: Sweeps, how: How) -> None:
    for at in chosen(sweeps.writes, every=EVERY[how]):
        sweeps.breaks(at, how)


@pytest.mark.parametrize("how", EVERY)
def test_a_report_at_some_of_its_writes(reported: Sweeps, how: How) -> None:
    """What a killed writer left in `report/` is gone after the same command, too."""
    written = [at for at, write in enumerate(reported.writes) if "/report/" in write]
    assert len(written) > 50
    for at in written[1 + list(EVERY).index(how) * 7 :: 40]:
        reported.breaks(at, how)
