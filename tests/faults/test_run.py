"""A run broken at its writes: the same files in the end, and no more than a checkpoint's work lost.

Here at some of them; `tests/proofs/test_faults.py` breaks it at more, of every kind.
"""

import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from tests.faults.injector import How
from tests.faults.lives import Lives

HOWS: tuple[How, ...] = ("before", "torn", "no space", "read-only")


@pytest.fixture
def lives(tiny_run: dict[str, Any], tmp_path: Path) -> Lives:
    return Lives(tiny_run, tmp_path)


@pytest.mark.parametrize("how", HOWS)
def test_a_run_that_broke_at_a_write_ends_as_one_that_did_not(lives: Lives, how: How) -> None:
    n = len(lives.whole.writes)
    assert n > 30
    for at in range(HOWS.index(how) * 4, n, 16):
        lives.breaks(at, how)


def test_a_process_that_is_gone_leaves_what_an_exception_leaves(lives: Lives) -> None:
    """So that breaking in one process is worth as much as killing many."""
    for at in (12, 50, 69):
        home = lives.home()
        child = multiprocessing.get_context("fork").Process(target=lives.die, args=(home, at))
        child.start()
        child.join()
        assert child.exitcode == 137
        gone, broken = (sorted(_kinds(path)) for path in (home, lives.broken(at)))
        assert gone == broken
        lives.carry_on(home, at)


def _kinds(home: Path) -> list[str]:
    """Names, those of temporary files without what is random in them."""
    return [
        str(path.with_suffix("") if path.name.startswith(".") else path).removeprefix(str(home))
        for path in home.rglob("*")
    ]
