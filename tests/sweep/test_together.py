"""A cohort's worker answers each of its orders as if it were alone."""

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pytest

import lab.cohort
from lab.config.order import WorkOrder
from lab.files import read_json, write_json
from lab.holding import held
from lab.run_folder import ORDER, REACHED, RESULT
from lab.sweep.attempts import FAILURE, NO_SPACE
from lab.sweep.together import carry_out_together
from lab.sweep.worker import FAILED, PROGRESS, _carry_out, _is_cohort

RATES = (1e-3, 3e-3, 2e-3)
ANSWERS = (RESULT, REACHED, FAILURE)


@pytest.fixture
def lay(tmp_path: Path, tiny_run: dict[str, Any]) -> Callable[..., list[Path]]:
    """`lay("there")` makes folders of three runs that differ in seed and rate."""

    def build(name: str, **changes: Any) -> list[Path]:
        folders = []
        for seed, rate in enumerate(RATES):
            train = tiny_run["train"] | {"optimizer": {"kind": "adamw", "lr": rate}}
            model = tiny_run["model"] | {"norm": {"kind": "rmsnorm"}}
            config = tiny_run | {"seed": seed, "train": train, "model": model}
            run = f"r-{seed}"
            order = {
                "run": run, "digest": run, "config": config, "labels": {}, "settings": {},
                "provenance": {}, "execution": "cohort", **changes,
            }  # fmt: skip
            folders.append(tmp_path / name / run)
            write_json(folders[-1] / ORDER, WorkOrder.parse(order).dump())
        return folders

    return build


def answers(folder: Path) -> set[str]:
    assert not (folder / PROGRESS).exists()
    return {name for name in ANSWERS if (folder / name).exists()}


def raising(error: Exception) -> Any:
    def execute(orders: Sequence[WorkOrder], *, on_row: Any, **more: Any) -> None:
        on_row(1, 7, {"train/loss": 1.0})
        raise error

    return execute


def test_each_run_comes_to_what_it_comes_to_alone(lay: Callable[..., list[Path]]) -> None:
    """Its curve byte for byte, and its result but for times and how it was executed."""
    together, alone = lay("together"), lay("alone", execution="alone")
    assert [_is_cohort(folders[0]) for folders in (together, alone)] == [True, False]
    assert carry_out_together(together, Event()) == 0
    for one, other in zip(together, alone, strict=True):
        assert _carry_out(other, Event()) == 0
        assert answers(one) == answers(other) == {RESULT}
        assert (one / "metrics.csv").read_bytes() == (other / "metrics.csv").read_bytes()
        found, expected = read_json(one / RESULT), read_json(other / RESULT)
        assert found["provenance"].pop("execution") == "cohort"
        assert expected["provenance"].pop("execution") == "alone"
        for result in (found, expected):
            del result["timing"]
        assert found == expected


def test_a_pause_of_all_is_continued_alone_or_together(lay: Callable[..., list[Path]]) -> None:
    folders, alone = lay("together", until=4), lay("alone", execution="alone")
    assert carry_out_together(folders, Event()) == 0
    assert [answers(folder) for folder in folders] == [{REACHED}] * 3
    for folder in folders:
        write_json(folder / ORDER, read_json(folder / ORDER) | {"until": None})
    assert _carry_out(folders[1], Event()) == 0
    assert carry_out_together([folders[0], folders[2]], Event()) == 0
    for one, other in zip(folders, alone, strict=True):
        assert _carry_out(other, Event()) == 0
        assert (one / "metrics.csv").read_bytes() == (other / "metrics.csv").read_bytes()


def test_what_is_wrong_with_one_is_told_there_and_the_others_go_on(
    lay: Callable[..., list[Path]],
) -> None:
    folders = lay("together")
    (folders[1] / ORDER).write_text("{}")
    assert carry_out_together(folders, Event()) == FAILED
    assert [answers(folder) for folder in folders] == [{RESULT}, {FAILURE}, {RESULT}]


def test_what_goes_wrong_with_one_in_training_is_told_there(
    lay: Callable[..., list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = lay("together")
    error = lab.cohort.CohortError({1: RuntimeError("boom")})
    monkeypatch.setattr(lab.cohort, "execute_cohort", raising(error))
    assert carry_out_together(folders, Event()) == FAILED
    assert [answers(folder) for folder in folders] == [set(), {FAILURE}, set()]
    assert read_json(folders[1] / FAILURE) == {"error": "RuntimeError: boom", "step": 7}
    assert "RuntimeError: boom" in (folders[1] / "log.txt").read_text()
    assert "boom" not in "".join(f.read_text() for f in folders[0].glob("log.*"))


def test_what_goes_wrong_with_all_is_told_everywhere(
    lay: Callable[..., list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = lay("together")
    monkeypatch.setattr(lab.cohort, "execute_cohort", raising(RuntimeError("boom")))
    assert carry_out_together(folders, Event()) == FAILED
    told = [read_json(folder / FAILURE) for folder in folders]
    assert [each["error"] for each in told] == ["RuntimeError: boom"] * 3
    assert [each["step"] for each in told] == [None, 7, None]


@pytest.mark.parametrize("of_all", [False, True])
def test_a_full_disk_has_a_code_of_its_own_and_is_no_failure(
    lay: Callable[..., list[Path]], monkeypatch: pytest.MonkeyPatch, of_all: bool
) -> None:
    folders, full = lay("together"), OSError(errno.ENOSPC, "full")
    error: Exception = full if of_all else lab.cohort.CohortError({2: full, 1: ValueError("x")})
    monkeypatch.setattr(lab.cohort, "execute_cohort", raising(error))
    assert carry_out_together(folders, Event()) == NO_SPACE
    assert [answers(folder) for folder in folders] == [
        set(), set() if of_all else {FAILURE}, set()
    ]  # fmt: skip


def test_a_result_of_one_that_died_only_now_stands(
    lay: Callable[..., list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders, given = lay("together"), []

    def execute(orders: Sequence[WorkOrder], *, folders: Sequence[Path], **more: Any) -> None:
        given.extend(folder.name for folder in folders)
        assert [order.run for order in orders] == given

    monkeypatch.setattr(lab.cohort, "execute_cohort", execute)
    write_json(folders[0] / RESULT, {"status": "complete"})
    assert carry_out_together(folders, Event()) == 0
    assert given == ["r-1", "r-2"]
    for folder in folders:
        write_json(folder / RESULT, {"status": "complete"})
    assert carry_out_together(folders, Event()) == 0
    assert len(given) == 2


def test_a_folder_that_another_holds_is_left_out(
    lay: Callable[..., list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.sweep.together.PATIENCE", 0.05)
    folders = lay("together")
    with held(folders[2]):
        assert carry_out_together(folders, Event()) == FAILED
    assert [answers(folder) for folder in folders] == [{RESULT}, {RESULT}, {FAILURE}]
    assert f"is held by process {os.getpid()}" in read_json(folders[2] / FAILURE)["error"]


def test_one_that_is_asked_to_stop_saves_them_all(
    lay: Callable[..., list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders, alone, stopping = lay("together"), lay("alone", execution="alone"), Event()
    real = lab.cohort.execute_cohort

    def execute(*args: Any, on_row: Any, **more: Any) -> Any:
        def row(place: int, step: int, found: Any) -> None:
            on_row(place, step, found)
            if step >= 6:
                stopping.set()

        return real(*args, on_row=row, **more)

    monkeypatch.setattr(lab.cohort, "execute_cohort", execute)
    assert carry_out_together(folders, stopping) == 0
    assert [answers(folder) for folder in folders] == [set()] * 3
    assert all(list((folder / "checkpoint").glob("*.json")) for folder in folders)
    monkeypatch.undo()
    assert carry_out_together(folders, Event()) == 0
    for one, other in zip(folders, alone, strict=True):
        assert _carry_out(other, Event()) == 0
        assert (one / "metrics.csv").read_bytes() == (other / "metrics.csv").read_bytes()


def test_each_log_tells_of_its_own_run(lay: Callable[..., list[Path]]) -> None:
    folders = lay("together")
    carry_out_together(folders, Event())
    for folder in folders:
        text = (folder / "log.txt").read_text()
        assert text.count("begun at step 0") == text.count("complete at step 12") == 1


def test_all_beat_while_one_is_silent(
    lay: Callable[..., list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = lay("together")

    def execute(*args: Any, stop: Callable[[], bool], **more: Any) -> None:
        assert not stop()
        assert all((folder / PROGRESS).exists() for folder in folders)

    monkeypatch.setattr(lab.cohort, "execute_cohort", execute)
    assert carry_out_together(folders, Event()) == 0
