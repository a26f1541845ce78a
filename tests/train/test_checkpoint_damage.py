"""A damaged checkpoint is passed over for the one before it, by name and with the reason."""

import logging
import math
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from lab.files import sha256_file
from lab.train.checkpoint import Checkpoints
from lab.train.state import TrainState
from tests.train.checkpoints import NEWEST, equal, files, names, sealed, trained_state, two


def _flip(file: Path, place: int = -1) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(bytes(content))


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()
    (file / "within").write_text("")


def _tensors(file: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    """Other tensors, and a JSON that fits them in every hash."""
    content = load_file(file)
    change(content)
    save_file(content, file)
    facts = {"sha256": sha256_file(file), "bytes": file.stat().st_size}
    sealed(file.with_suffix(".json"), **facts)


def _nan(content: dict[str, torch.Tensor]) -> None:
    content["model.0.bias"][1] = math.nan


def _shape(content: dict[str, torch.Tensor]) -> None:
    content["model.0.bias"] = torch.zeros(1)  # which a copy would spread without a word


def _missing(content: dict[str, torch.Tensor]) -> None:
    del content["model.1.weight"]


def _whole_numbers(content: dict[str, torch.Tensor]) -> None:
    content["model.0.bias"] = torch.zeros(4, dtype=torch.int64)


def _unknown(content: dict[str, torch.Tensor]) -> None:
    content["optimizer.2.weight.exp_avg"] = torch.zeros(())


def _rows(content: dict[str, torch.Tensor]) -> None:
    content["pending"] = content["pending"][:, :-1].contiguous()


# What is done to the newest of two, and what is said of it.
DAMAGE: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "cut": (lambda t, j: os.truncate(t, 100), "not of its"),
    "grown": (lambda t, j: t.write_bytes(t.read_bytes() + b"\0"), "not of its"),
    "a bit flipped": (lambda t, j: _flip(t), "is not what was written"),
    "a bit of the header": (lambda t, j: _flip(t, 20), "is not what was written"),
    "no tensors": (lambda t, j: t.unlink(), "missing"),
    "tensors are a folder": (lambda t, j: _folder(t), "missing"),
    "tensors are a pipe": (lambda t, j: (t.unlink(), os.mkfifo(t)), "missing"),
    "torn JSON": (lambda t, j: os.truncate(j, 30), "Unterminated|Expecting"),
    "empty JSON": (lambda t, j: os.truncate(j, 0), "Expecting value"),
    "JSON is a folder": (lambda t, j: _folder(j), "directory|no file"),
    "JSON is no object": (lambda t, j: j.write_text("[]"), "no JSON object"),
    "JSON is no text": (lambda t, j: j.write_bytes(b"\xff\xfe{"), "utf-8"),
    "a JSON bomb": (lambda t, j: j.write_text("[" * 200_000), "nested"),
    "a huge JSON": (lambda t, j: os.truncate(j, 2**21), "more than"),
    "another step": (lambda t, j: j.write_text(j.read_text().replace(": 6,", ": 7,")), "own hash"),
    "other seconds": (lambda t, j: j.write_text(j.read_text().replace("1.25", "0")), "own hash"),
    "another beginning": (lambda t, j: j.write_text(j.read_text().replace("3.5", "4")), "own hash"),
    "another run": (lambda t, j: sealed(j, run="another"), "of another run"),
    "another step, sealed": (lambda t, j: sealed(j, step=7), "it is of step 7"),
    "a step that is none": (lambda t, j: sealed(j, step="6"), "step"),
    "a field too many": (lambda t, j: sealed(j, more=1), "more"),
    "from the future": (lambda t, j: sealed(j, schema_version=2), "newer lab, with schema 2"),
    "a NaN": (lambda t, j: _tensors(t, _nan), "model.0.bias of .* is not finite"),
    "another shape": (lambda t, j: _tensors(t, _shape), "'model.0.bias' .* not of this run"),
    "a parameter missing": (lambda t, j: _tensors(t, _missing), "no parameter 1.weight"),
    "whole numbers": (lambda t, j: _tensors(t, _whole_numbers), "int64 .* not of this run"),
    "an unknown moment": (lambda t, j: _tensors(t, _unknown), "not of this run"),
    "rows of others": (lambda t, j: _tensors(t, _rows), "'pending' .* not of this run"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_one_is_passed_over(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With its name and the reason; and it is gone once a whole one is written."""
    state = two(tmp_path)
    tensors = tmp_path / f"{NEWEST}.safetensors"
    do, said = DAMAGE[damage]
    do(tensors, tensors.with_suffix(".json"))
    checkpoints, restored = Checkpoints(tmp_path, run="r"), trained_state(0)
    with caplog.at_level(logging.WARNING):
        assert checkpoints.restore(restored)
    assert restored.step == 5
    assert equal(restored, state)
    (record,) = caplog.records
    assert f"{NEWEST} is passed over: " in record.getMessage()
    assert "\n" not in record.getMessage()
    assert re.search(said, record.getMessage()), record.getMessage()
    restored.step = 6
    checkpoints.save(restored)
    assert names(tmp_path) == files(5, 6)
    assert Checkpoints(tmp_path, run="r").restore(again := trained_state(0))
    assert again.step == 6


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainState]:
    folder = tmp_path_factory.mktemp("whole")
    return folder, two(folder)


@settings(deadline=None, max_examples=80)
@given(
    place=st.integers(0, 10**6),
    bit=st.integers(0, 7),
    kind=st.sampled_from(["json", "safetensors"]),
)
def test_any_changed_bit_is_found(
    whole: tuple[Path, TrainState], place: int, bit: int, kind: str
) -> None:
    """In either file; JSON that means the same in another spelling is the same."""
    folder, state = whole
    file = folder / f"{NEWEST}.{kind}"
    content = file.read_bytes()
    changed = bytearray(content)
    changed[place % len(content)] ^= 1 << bit
    file.write_bytes(bytes(changed))
    restored = trained_state(0)
    try:
        assert Checkpoints(folder, run="r").restore(restored)
    finally:
        file.write_bytes(content)
    assert restored.step == 5 or (kind == "json" and restored.step == 6)
    assert equal(restored, state)
    assert (restored.seconds, restored.initial) == (state.seconds, state.initial)
