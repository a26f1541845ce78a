"""What wandb is told of a finished sweep, and that nothing comes of it where it fails."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.commands.report_run import report_run, share_report
from lab.config.loading import load_sweep
from lab.errors import SweepError
from lab.report.collect import open_sweep
from lab.report.page import write_report
from tests.report.sweeps import Truth, build_sweep
from tests.track.leet import leet, of_kind

CONFIG = Path(__file__).parents[2] / "configs" / "posenc.yaml"


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A sweep with its report, of which one package is there, tracked in the mode that is given."""

    def make(mode: str) -> Path:
        place = tmp_path_factory.mktemp(mode)
        question = load_sweep(CONFIG, overrides=[f"tracking.wandb.mode={mode}"])
        folder = build_sweep(place / "posenc", question, Truth())
        write_report(folder)
        runs = open_sweep(folder).runs()
        first = runs[runs["phase"] == "confirm"]["package"].iloc[0]
        (place / "artifacts" / str(first)).mkdir(parents=True)
        (place / "artifacts" / str(first) / "manifest.json").write_text("{}")
        return folder

    return make


def test_what_is_told_is_what_the_report_says(make: Callable[[str], Path]) -> None:
    folder = make("offline")
    sweep = open_sweep(folder)
    told = report_run(sweep, folder.parent / "artifacts")
    assert told.plan == sweep.plan["hash"]
    assert told.config["question"] == "Which position encoding is best at this scale?"
    assert told.config["resolved"]["baseline"] == "learned"
    names = [verdict.name for verdict in (*sweep.verdicts(), *sweep.controls())]
    assert [row["name"] for row in told.verdicts] == names
    rope = next(verdict for verdict in sweep.verdicts() if verdict.variant == "rope")
    assert told.summary[f"kind/{rope.name}"] == rope.kind == "decided"
    assert told.summary[f"difference/{rope.name}"] == pytest.approx(rope.difference)
    assert not {"seeds", "differences", "weights", "caveats"} & told.verdicts[0].keys()
    figures = {path.stem for path in (folder / "report").glob("*.png")}
    assert told.figures.keys() == figures
    assert all(told.figures.values())
    assert [package.parent.name for package in told.packages] == ["artifacts"]  # the one there is
    assert told.step == len(sweep.runs())
    json.dumps([dict(row) for row in told.verdicts], allow_nan=False)


def test_the_report_is_recorded_by_another_process(make: Callable[[str], Path]) -> None:
    folder = make("offline")
    assert share_report(folder, artifacts=folder.parent / "artifacts") is None
    (file,) = folder.glob("wandb/offline-run-*/*.wandb")
    records = [json.loads(line) for line in leet("--json", file).splitlines()]
    (run,) = of_kind(records, "run")
    assert (run["job_type"], run["run_group"]) == ("report", "posenc")
    kinds = [artifact["type"] for artifact in of_kind(records, "artifact")]
    assert sorted(kinds) == ["model", "report", "run_table"]


def test_disabled_is_disabled(make: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> None:
        raise AssertionError("wandb is disabled")

    monkeypatch.setattr("lab.commands.report_run.ask_apart", asked)
    folder = make("disabled")
    assert share_report(folder, artifacts=folder.parent / "artifacts") is None
    assert not (folder / "wandb").exists()


def test_a_process_that_dies_is_a_sentence(
    make: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise SweepError("record_report died; see what it printed above")

    monkeypatch.setattr("lab.commands.report_run.ask_apart", die)
    folder = make("offline")
    trouble = share_report(folder, artifacts=folder.parent / "artifacts")
    assert trouble == "record_report died; see what it printed above"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(KeyboardInterrupt(), "it was interrupted"), (ValueError("odd"), "ValueError: odd")],
)
def test_whatever_goes_wrong_is_a_sentence(
    error: BaseException,
    sentence: str,
    make: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("lab.commands.report_run.ask_apart", fail)
    folder = make("offline")
    assert share_report(folder, artifacts=folder.parent / "artifacts") == sentence
    monkeypatch.setattr("lab.commands.report_run.open_sweep", fail)
    assert share_report(folder, artifacts=folder.parent / "artifacts") == sentence
