"""Checkpoints: whole or absent, two kept, damage passed over, nothing of another run taken."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from lab.errors import NoSpace
from lab.files import sha256_file
from lab.train.checkpoint import Checkpoints
from lab.train.state import TrainState
from tests.train.checkpoints import NEWEST, equal, files, names, trained_state, two


def test_round_trip(tmp_path: Path) -> None:
    checkpoints, state = Checkpoints(tmp_path, run="r"), trained_state(3)
    checkpoints.save(state)
    restored = trained_state(0)
    restored.pending = []
    assert checkpoints.restore(restored)
    assert equal(restored, state)
    assert (restored.step, restored.seconds, restored.initial) == (
        3,
        {"train": 1.25},
        {"val/loss": 3.5},
    )
    for left, right in zip(trained_state(3).pending, restored.pending, strict=True):
        assert torch.equal(left, right)


def test_two_are_kept(tmp_path: Path) -> None:
    checkpoints, state = Checkpoints(tmp_path, run="r"), trained_state(1)
    for step in (1, 2, 10, 11):
        state.step = step
        checkpoints.save(state)
    assert names(tmp_path) == files(10, 11)


def test_the_one_that_was_read_is_kept_beside_the_next(tmp_path: Path) -> None:
    two(tmp_path)
    checkpoints, state = Checkpoints(tmp_path, run="r"), trained_state(0)
    assert checkpoints.restore(state)
    state.step = 9
    checkpoints.save(state)
    assert names(tmp_path) == files(6, 9)


def test_an_unreadable_one_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two(tmp_path)

    def refused(file: Path) -> str:
        if file.stem == NEWEST:
            raise PermissionError(13, "Permission denied", str(file))
        return sha256_file(file)

    monkeypatch.setattr("lab.train.checkpoint.sha256_file", refused)
    assert Checkpoints(tmp_path, run="r").restore(restored := trained_state(0))
    assert restored.step == 5


def test_with_both_damaged_the_state_stays_as_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    two(tmp_path)
    for stem in ("000000005", NEWEST):
        file = tmp_path / f"{stem}.safetensors"
        file.write_bytes(file.read_bytes()[:-1])
    restored = trained_state(0)
    assert not Checkpoints(tmp_path, run="r").restore(restored)
    assert equal(restored, trained_state(0))
    assert (restored.step, restored.seconds) == (0, {"train": 1.25})
    assert "the run starts from the beginning" in caplog.messages[-1]


def test_swapped_between_runs(tmp_path: Path) -> None:
    two(tmp_path)
    assert not Checkpoints(tmp_path, run="another").restore(trained_state(0))


class TestWitness:
    def test_curves_that_were_lost_are_not_continued(self, tmp_path: Path) -> None:
        two(tmp_path, witness=lambda step: f"rows until {step}")
        for lost, found in ((None, 6), (6, 5), (5, 6)):
            checkpoints = Checkpoints(
                tmp_path,
                run="r",
                witness=lambda step, lost=lost: "" if step == lost else f"rows until {step}",
            )
            assert checkpoints.restore(restored := trained_state(0))
            assert restored.step == found

    def test_one_that_raises_has_lost_them(self, tmp_path: Path) -> None:
        two(tmp_path)

        def witness(step: int) -> str:
            raise FileNotFoundError("no curves")

        assert not Checkpoints(tmp_path, run="r", witness=witness).restore(trained_state(0))


class TestFinite:
    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_no_state_that_is_not_is_written(self, tmp_path: Path, value: float) -> None:
        state = two(tmp_path)
        state.step = 7
        with torch.no_grad():
            state.model[1].bias[1] = value
        Checkpoints(tmp_path, run="r").save(state)
        assert names(tmp_path) == files(5, 6)

    @pytest.mark.parametrize("moment", ["exp_avg", "exp_avg_sq"])
    def test_moments_are_looked_at(self, tmp_path: Path, moment: str) -> None:
        state = trained_state(1)
        state.optimizer.state[state.model[0].weight][moment][0, 0] = math.inf
        Checkpoints(tmp_path, run="r").save(state)
        assert names(tmp_path) == []

    @pytest.mark.parametrize("column", [0, 1])
    def test_a_loss_or_a_gradient_that_no_row_has_told_of(
        self, tmp_path: Path, column: int
    ) -> None:
        state = trained_state(1)
        state.pending[0][column] = math.nan
        Checkpoints(tmp_path, run="r").save(state)
        assert names(tmp_path) == []


def test_what_a_killed_writer_left_is_cleared(tmp_path: Path) -> None:
    """Torn files beside, a folder, tensors whose JSON was never written. All else stays."""
    two(tmp_path)
    for name in (".000000007.safetensors.ab12cd34", "000000007.safetensors", "notes.json.txt"):
        (tmp_path / name).write_bytes(b"torn")
    (tmp_path / "000000008.json").mkdir()
    checkpoints, state = Checkpoints(tmp_path, run="r"), trained_state(0)
    assert checkpoints.restore(state)
    assert state.step == 6
    state.step = 8
    checkpoints.save(state)
    assert names(tmp_path) == [*files(6, 8), "notes.json.txt"]


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_text("")
    checkpoints = Checkpoints(tmp_path / "checkpoint", run="r")
    assert not checkpoints.restore(trained_state(0))
    checkpoints.save(trained_state(1))
    assert names(tmp_path / "checkpoint") == files(1)


def test_a_write_that_fails_leaves_those_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = two(tmp_path)
    state.step = 7
    for name in ("save_file", "write_json"):
        with monkeypatch.context() as patched:

            def full(*args: object) -> None:
                raise OSError(28, "No space left on device")

            patched.setattr(f"lab.train.checkpoint.{name}", full)
            with pytest.raises((OSError, NoSpace)):
                Checkpoints(tmp_path, run="r").save(state)
        assert Checkpoints(tmp_path, run="r").restore(restored := trained_state(0))
        assert restored.step == 6
    Checkpoints(tmp_path, run="r").save(state)
    assert Checkpoints(tmp_path, run="r").restore(restored := trained_state(0))
    assert restored.step == 7


def test_none_is_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert not Checkpoints(tmp_path / "nowhere", run="r").restore(trained_state(0))
    Checkpoints(tmp_path / "nowhere", run="r").delete()
    assert not caplog.records


def test_all_are_deleted(tmp_path: Path) -> None:
    two(tmp_path / "checkpoint")
    (tmp_path / "checkpoint" / "000000007.json").mkdir()
    Checkpoints(tmp_path / "checkpoint", run="r").delete()
    assert not (tmp_path / "checkpoint").exists()


def test_another_shape_is_not_loaded(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, run="r")
    checkpoints.save(trained_state(1))
    model = nn.Linear(3, 5)
    assert not checkpoints.restore(TrainState(model, torch.optim.AdamW(model.parameters())))
