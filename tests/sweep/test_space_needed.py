"""The room that a plan needs: an upper bound, by disk, less what lies there already."""

from pathlib import Path
from typing import Any

import pytest

from lab.sweep.plan import Plan
from lab.sweep.space_needed import (
    BYTES_A_PARAMETER,
    Room,
    Space,
    occupied,
    rooms,
    short_of_room,
    space_needed,
)
from tests.sweep.test_plan import plan_of

VARIANTS: dict[str, Any] = {"base": {}, "wide": {"model.d_model": 64}}
SIZES = {"base": 50, "wide": 50}
RUNGS = {"pruner": {"kind": "successive-halving"}}


def plan(**changes: Any) -> Plan:
    asked = {"tune": None, "confirm": {"test": "fixed", "max_seeds": 3, "twin": False}}
    return plan_of(**{"variants": VARIANTS, **asked, **changes})


def weights(asked: Plan, name: str) -> int:
    return BYTES_A_PARAMETER * asked.question.variant(name).model.n_params(50)


def test_packages_are_counted_by_run() -> None:
    asked = plan()
    three = space_needed(asked, vocab_sizes=SIZES, workers=1).packages
    assert three > 3 * (weights(asked, "base") + weights(asked, "wide"))
    nine = plan(confirm={"test": "fixed", "max_seeds": 9, "twin": False})
    assert space_needed(nine, vocab_sizes=SIZES, workers=1).packages == 3 * three


def test_packages_that_are_deleted_in_the_end_need_room_until_then() -> None:
    every, best = plan(confirm=None), plan(confirm=None, packages="best")
    assert space_needed(best, vocab_sizes=SIZES, workers=1) == space_needed(
        every, vocab_sizes=SIZES, workers=1
    )


def test_every_worker_may_be_writing_a_third_checkpoint() -> None:
    asked = plan()
    state = 3 * weights(asked, "wide")  # and two moments
    for workers in (1, 4):
        found = space_needed(asked, vocab_sizes=SIZES, workers=workers)
        assert found.checkpoints == workers * 3 * state


def test_runs_that_paused_keep_their_checkpoints() -> None:
    tune = {"trials": 8, "space": {"train.optimizer.lr": {"low": 1e-4, "high": 1e-2}}}
    without = space_needed(plan(tune=tune), vocab_sizes=SIZES, workers=1).checkpoints
    halving = space_needed(plan(tune={**tune, **RUNGS}), vocab_sizes=SIZES, workers=1).checkpoints
    assert halving == without + 2 * 8 * 2 * without / 3


def test_offline_tracking_takes_most_of_a_run() -> None:
    tracked, bare = (
        space_needed(
            plan(variants={n: {"tracking.wandb.mode": mode, **c} for n, c in VARIANTS.items()}),
            vocab_sizes=SIZES,
            workers=1,
        ).files[1]
        for mode in ("offline", "disabled")
    )
    assert tracked > bare + 6 * 50_000


def test_folders_on_one_disk_share_its_room(tmp_path: Path) -> None:
    (room,) = rooms(Space(100, (50, 60), 7), files=tmp_path / "a", packages=tmp_path / "b" / "c")
    assert room.folders == (tmp_path / "a", tmp_path / "b" / "c")
    assert room.needed == 167
    assert room.free > 0
    assert short_of_room([room]) == []


def test_what_lies_there_is_not_needed_again(tmp_path: Path) -> None:
    (tmp_path / "a" / "deep").mkdir(parents=True)
    (tmp_path / "a" / "deep" / "file").write_bytes(b"x" * 10_000)
    (tmp_path / "a" / "link").symlink_to("/")
    there = occupied(tmp_path / "a")
    assert 10_000 <= there < 40_000
    space = Space(100, (0, 50_000), 0)
    (room,) = rooms(space, files=tmp_path / "a", packages=tmp_path / "b")
    assert room.needed == 50_000 - there + 100


def test_folders_on_two_disks_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one disk only")
    first, second = rooms(Space(100, (50, 60), 7), files=tmp_path, packages=other / "none")
    assert (first.folders, second.folders) == ((tmp_path,), (other / "none",))
    assert second.needed == 100


def test_too_little_room_is_one_sentence_for_each_disk() -> None:
    small = Room((Path("experiments/q"), Path("artifacts/q")), 3_000_000, 400_000)
    (said,) = short_of_room([small, Room((Path("b"),), 1, 2)])
    assert said.startswith(
        "there may be too little room: up to 3.0 MB more are needed for experiments/q and "
        "artifacts/q, and 0.4 MB are free there; make room, or the sweep pauses"
    )
