"""A sweep broken at writes of its supervisor: the same files in the end, nothing carried out twice.

Here at some of them; `tests/proofs/test_faults.py` breaks it at every one.
"""

from pathlib import Path

import pytest

from tests.faults.injector import How
from tests.faults.sweeps import Sweeps

HOWS: tuple[How, ...] = ("before", "torn", "no space", "read-only")


@pytest.fixture(scope="module")
def sweeps(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Sweeps:
    return Sweeps(corpus, tmp_path_factory.mktemp("sweeps"))


@pytest.mark.parametrize("how", HOWS)
def test_a_sweep_that_broke_at_a_write_ends_as_one_that_did_not(sweeps: Sweeps, how: How) -> None:
    n = len(sweeps.writes)
    assert n > 50
    for at in range(HOWS.index(how) * 9, n, 36):
        sweeps.breaks(at, how)
