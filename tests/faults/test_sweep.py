"""A sweep broken at writes of its supervisor: the same files in the end, nothing carried out twice.

Here at some of them; `tests/proofs/test_faults.py` breaks it at more, of every kind.
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


def test_what_killed_writers_left_is_cleared(sweeps: Sweeps) -> None:
    home = sweeps.home()
    report, packages = home / "experiments" / "tiny" / "report", home / "artifacts" / "tiny"
    left = [
        report / ".index.html.0a_b1c2d",
        report / "tables" / ".runs.csv.0a_b1c2d",
        packages / ".rope-1-0a1b2c3d.partial" / "config.yaml",
        packages / ".rope-1-0a1b2c3d.aside" / "config.yaml",
    ]
    for file in left:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("half of")
    assert sweeps.go(home).code == 0
    assert not [file for file in left if file.exists()]
