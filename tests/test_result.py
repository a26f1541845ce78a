"""The content of a `result.json` that no run writes itself."""

from lab.config.order import WorkOrder
from lab.result import failure, pruned, result

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
