"""A run and a sweep broken at every one of their writes, in every way, end as if nothing had been.

`tests/faults/` does so at some of them.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.faults.injector import How
from tests.faults.lives import Lives
from tests.faults.sweeps import Sweeps

pytestmark = pytest.mark.proof
PARTS = 3
HOWS: tuple[How, ...] = ("before", "torn", "no space", "read-only")


@pytest.fixture(scope="module")
def sweeps(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Sweeps:
    return Sweeps(corpus, tmp_path_factory.mktemp("sweeps"))


@pytest.mark.parametrize("how", HOWS)
def test_a_run_at_every_write(tiny_run: dict[str, Any], tmp_path: Path, how: How) -> None:
    lives = Lives(tiny_run, tmp_path)
    for at in range(len(lives.whole.writes)):
        lives.breaks(at, how)


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("how", HOWS)
def test_a_sweep_at_every_write(sweeps: Sweeps, how: How, part: int) -> None:
    for at in range(part, len(sweeps.writes), PARTS):
        sweeps.breaks(at, how)
