"""The content of a `result.json` that no run writes itself."""

from typing import Any

import pytest

from lab.config.order import WorkOrder
from lab.result import failure, pruned, result, result_fault

ORDER = WorkOrder.parse(
    {
        "run": "a-1-12345678",
        "digest": "12345678",
        "config": {
            "data": {"corpus": {"kind": "python-docs"}},
            "model": {"n_layers": 1, "n_heads": 2, "d_model": 16, "max_seq_len": 16},
            "train": {"steps": 40, "batch_size": 2},
            "seed": 1,
        },
        "labels": {},
        "settings": {},
        "package": "artifacts/a",
        "provenance": {"git_commit": "abc"},
    }
)
REACHED = result(
    ORDER,
    "running",
    step=20,
    metrics={"val/loss": 2.0, "train/loss": 1.9},
    initial={"val/loss": 4.0},
    evaluations={"0": {"val/loss": 4.0}, "20": {"val/loss": 2.0, "train/loss": 1.9}},
    model={"n_params": 12},
    data={"digest": "d"},
    timing={"total": 3.0},
    provenance={"git_commit": "abc", "device": "cpu"},
)


def test_a_run_given_up_keeps_what_it_reached() -> None:
    assert pruned(REACHED, "rung 2: not among the best third") == {
        "schema": 1,
        "run": "a-1-12345678",
        "digest": "12345678",
        "status": "pruned",
        "seed": 1,
        "step": 20,
        "tokens": 20 * 2 * 16,
        "metrics": {"val/loss": 2.0, "train/loss": 1.9},
        "initial": {"val/loss": 4.0},
        "evaluations": {"0": {"val/loss": 4.0}, "20": {"val/loss": 2.0, "train/loss": 1.9}},
        "model": {"n_params": 12},
        "data": {"digest": "d"},
        "timing": {"total": 3.0},
        "provenance": {"git_commit": "abc", "device": "cpu"},
        "diverged_at": None,
        "error": None,
        "reason": "rung 2: not among the best third",
        "package": None,
    }
    assert REACHED["status"] == "running"


def test_a_failure_has_the_same_keys() -> None:
    failed = failure(ORDER, "OSError: disk full")
    assert failed.keys() == REACHED.keys()
    assert (failed["status"], failed["error"]) == ("failed", "OSError: disk full")
    assert failed["evaluations"] == failed["metrics"] == {}


def test_what_is_written_has_no_fault() -> None:
    assert result_fault(REACHED) is None
    assert result_fault(failure(ORDER, "boom", step=7)) is None
    assert failure(ORDER, "boom", step=7)["step"] == 7


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"status": "finished"}, "status is 'finished'"),
        ({"status": ["complete"]}, "status is ['complete']"),
        ({"step": "20"}, "step is '20'"),
        ({"step": True}, "step is True"),
        ({"metrics": None}, "metrics is None"),
        ({"metrics": {"val/loss": "low"}}, "a metric is no number"),
        ({"timing": []}, "timing is []"),
        ({"evaluations": 3}, "evaluations is 3"),
    ],
)
def test_a_result_that_was_damaged_by_hand_is_named(change: dict[str, Any], fault: str) -> None:
    assert result_fault(REACHED | change) == fault


def test_a_part_that_is_missing_is_named() -> None:
    for part in ("package", "error", "diverged_at"):
        assert result_fault({k: v for k, v in REACHED.items() if k != part}) == f"{part} is missing"
    assert result_fault({}) == "status is None"
