"""That the comparison of two sweeps names what is not the same, and lets time pass."""

import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lab
from lab.files import read_json, write_json
from tests.faults.sweeps import Sweeps

SCRIPT = Path(lab.__file__).parents[1] / "scripts" / "same_sweep.py"


@pytest.fixture(scope="module")
def home(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    sweeps = Sweeps(corpus, tmp_path_factory.mktemp("sweeps"))
    return sweeps.root / str(sweeps.n - 1)


def changed(**parts: Any) -> Callable[[Path], None]:
    def change(sweep: Path) -> None:
        file = min(sweep.glob("experiments/tiny/runs/*/result.json"))
        write_json(file, {**read_json(file), **parts})

    return change


def append(pattern: str) -> Callable[[Path], None]:
    def change(sweep: Path) -> None:
        file = min(sweep.glob(pattern))
        file.write_text(file.read_text() + "1\n")

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (changed(timing={"total": 99.0}), None),
        (changed(metrics={"val/loss": 1.0}), "result.json differs in metrics"),
        (changed(status="pruned"), "result.json differs in status"),
        (append("experiments/tiny/results.csv"), "results.csv differs"),
        (append("experiments/tiny/runs/*/config.yaml"), "config.yaml differs"),
        (lambda sweep: shutil.rmtree(next(sweep.glob("artifacts/tiny/*"))), "the packages differ"),
    ],
)
def test_what_differs_is_named(
    home: Path, tmp_path: Path, change: Callable[[Path], None], told: str | None
) -> None:
    script = runpy.run_path(str(SCRIPT))
    shutil.copytree(home, tmp_path / "other")
    change(tmp_path / "other")
    found = script["differences"](home, tmp_path / "other")
    assert bool(found) == (told is not None)
    if told is not None:
        assert told in "\n".join(found)


def test_what_a_sweep_ought_not_to_leave_is_named(home: Path, tmp_path: Path) -> None:
    script = runpy.run_path(str(SCRIPT))
    shutil.copytree(home, tmp_path / "other")
    assert script["unfinished"](tmp_path / "other") == []
    run = next((tmp_path / "other").glob("experiments/tiny/runs/*"))
    (run / "checkpoint").mkdir()
    (run / "result.json").unlink()
    assert [text.split("/", 3)[3] for text in script["unfinished"](tmp_path / "other")] == [
        f"{run.name}/checkpoint is left",
        f"{run.name} is left",
    ]
