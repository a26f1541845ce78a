"""Real steps, timed in processes of their own."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import lab.cohort
from lab.config.order import WorkOrder
from lab.errors import ConfigError
from lab.sweep.timing import seconds_in_cohort, tokens_side_by_side


def data_of(order: WorkOrder) -> Path:
    assert order.data
    return Path(order.data)


def test_workers_train_side_by_side(
    order: Callable[..., WorkOrder], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are, each is counted: their sum is that of what each has done."""
    asked, told = order(), []
    monkeypatch.setattr("lab.sweep.timing.SECONDS", 0.05)

    def ask(function: Callable[..., float], *args: Any) -> float:
        told.append(function(*args))
        return told[-1]

    monkeypatch.setattr("lab.sweep.timing.ask_apart", ask)
    before = torch.get_num_threads()
    try:
        found = tokens_side_by_side(asked.config, data_of(asked), threads=1, workers=1)
        assert found == pytest.approx(sum(told))
        assert len(told) == 1
        assert 0 < found < math.inf
    finally:
        torch.set_num_threads(before)


def test_processes_meet_before_they_begin(order: Callable[..., WorkOrder]) -> None:
    asked = order()
    assert tokens_side_by_side(asked.config, data_of(asked), threads=1, workers=2) > 0


def test_a_cohort_that_memory_does_not_suffice_for_takes_for_ever(
    order: Callable[..., WorkOrder], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **more: Any) -> float:
        raise torch.OutOfMemoryError("CUDA out of memory")

    asked = order()
    monkeypatch.setattr(lab.cohort, "time_cohort", full)
    assert seconds_in_cohort(asked.config, data_of(asked), 2, 1) == math.inf


def test_a_cohort_is_timed_and_any_other_error_told(order: Callable[..., WorkOrder]) -> None:
    asked = order(**{"model.norm.kind": "rmsnorm"})
    assert 0 < seconds_in_cohort(asked.config, data_of(asked), 2, 1) < 1
    dropped = order(**{"model.dropout": 0.1})
    with pytest.raises(ConfigError, match="dropout"):
        seconds_in_cohort(dropped.config, data_of(dropped), 2, 1)
