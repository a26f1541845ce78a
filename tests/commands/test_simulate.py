"""A simulated sweep by its command: what it leaves, and that nobody takes it for a true one."""

import csv
import io
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from lab.cli import main
from lab.files import read_json
from tests.commands.folder import Lab
from tests.commands.test_sweep import QUESTION

SIMULATED = ("--set", "launcher.kind=simulated", "--set", "launcher.failures=0.1")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def lab(corpus: Path, tmp_path: Path) -> Lab:
    return Lab(tmp_path, corpus, QUESTION)


def ask(lab: Lab, *words: str) -> tuple[int, str]:
    """The exit code of a command, and what it says."""
    out = io.StringIO()
    with chdir(lab.folder), redirect_stdout(out), redirect_stderr(out):
        return main(list(words)), out.getvalue()


def test_a_simulated_sweep_is_told_and_kept_apart(lab: Lab) -> None:
    code, said = ask(lab, "sweep", "tiny.yaml", *SIMULATED)
    folder = lab.folder / "experiments" / "tiny-simulated"
    assert code == 0, said
    assert "no run was trained" in said
    told = read_json(folder / "simulated.json")
    with (folder / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert told["finished"]
    assert told["runs"] == len(rows) == sum(told["statuses"].values())
    assert told["attempts"] >= told["runs"] + told["failed_attempts"] - 1
    assert [path.name for path in lab.folder.glob("experiments/*")] == ["tiny-simulated"]
    assert not [*lab.folder.glob("artifacts/*/*")]
    assert not (folder / "report").exists()


def test_one_that_was_stopped_goes_on_and_one_that_is_over_begins_anew(lab: Lab) -> None:
    code, said = ask(lab, "sweep", "tiny.yaml", *SIMULATED, "--max-runs", "2")
    assert (code, "the same command continues" in said) == (130, True)
    assert ask(lab, "sweep", "tiny.yaml", *SIMULATED)[0] == 0
    file = lab.folder / "experiments" / "tiny-simulated" / "simulated.json"
    first = read_json(file)
    assert first["taken_over"] == 2
    assert ask(lab, "sweep", "tiny.yaml", *SIMULATED)[0] == 0
    again = read_json(file)
    assert again["taken_over"] == 0
    assert again["statuses"] == first["statuses"]


def test_nobody_takes_it_for_a_true_one(lab: Lab) -> None:
    assert ask(lab, "sweep", "tiny.yaml", *SIMULATED)[0] == 0
    code, said = ask(lab, "report", "experiments/tiny-simulated")
    assert (code, "whose numbers are made up" in said) == (2, True)
    (lab.folder / "tiny.yaml").rename(lab.folder / "tiny-simulated.yaml")
    code, said = ask(lab, "sweep", "tiny-simulated.yaml")
    assert (code, "whose numbers are made up" in said) == (2, True)


def test_a_true_sweep_is_not_taken_for_a_simulated_one(lab: Lab) -> None:
    folder = lab.folder / "experiments" / "tiny-simulated"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text('{"schema": 1}')
    code, said = ask(lab, "sweep", "tiny.yaml", *SIMULATED)
    assert (code, "holds a true sweep" in said) == (2, True)
    assert not (folder / "simulated.json").exists()
