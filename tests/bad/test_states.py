"""What can be done to a sweep's folder, and what `lab report` and `lab sweep` make of it.

Each case is refused in a sentence, or handled: what is only a cache, or made again from the rest,
is. Where it is handled by `lab sweep`, the results are those of the sweep left alone.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bad.calls import as_anyone, call, refused
from tests.bad.states import State, pretended

Damage = Callable[[State], object]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    state = State(tmp_path_factory.mktemp("good") / "lab")
    with pytest.MonkeyPatch.context() as patch, pretended():
        patch.setenv("LAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        state.make()
        yield state


@pytest.fixture
def state(good: State, tmp_path: Path) -> State:
    return good.copied(tmp_path / "lab")


def cut(file: Path, *, within: bytes | None = None) -> None:
    """In half, or in the middle of some words."""
    content = file.read_bytes()
    end = content.index(within) + len(within) // 2 if within else len(content) // 2
    file.write_bytes(content[:end])


def folder(file: Path) -> None:
    file.unlink(missing_ok=True)
    file.mkdir()


def pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def result(**changes: object) -> Damage:
    return lambda state: state.edit(state.run / "result.json", **changes)


def text(name: str, content: str | bytes) -> Damage:
    """A file of the first run, or of the sweep, that says something else."""

    def damage(state: State) -> None:
        file = state.run / name if name in OF_RUNS else state.sweep / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())

    return damage


def swap(state: State) -> None:
    first, second = state.runs[:2]
    first.rename(first.with_name("x"))
    second.rename(first)
    first.with_name("x").rename(second)


def set_aside(state: State) -> None:
    """A run of no known phase and outcome, which a new plan looks at."""
    folder = state.sweep / "set-aside" / "x.1"
    folder.mkdir(parents=True)
    (folder / "order.json").write_text('{"labels": []}')
    (folder / "result.json").write_text("{}")
    (state.sweep / "plan.json").unlink()


def of_another(state: State) -> None:
    shutil.copy(state.runs[1] / "result.json", state.run / "result.json")


OF_RUNS = ("result.json", "order.json", "metrics.csv", "positions.csv")
DEEP = "[" * 100_000
NAN = '{"digest": NaN}'

# by what is done: the sentence of `lab report`, and that of `lab sweep`; None where it is handled
CASES: dict[str, tuple[Damage, str | None, str | None]] = {
    "a result cut in half": (
        lambda s: cut(s.run / "result.json"),
        "result.json cannot be read (",
        "result.json cannot be read (",
    ),
    "an empty result": (text("result.json", ""), "cannot be read (Expecting value", "cannot be"),
    "a result of zeros": (text("result.json", b"\0" * 500), "cannot be read (", "cannot be read ("),
    "a result that is a list": (text("result.json", "[]"), "(no JSON object)", "no JSON object"),
    "a result of bytes": (text("result.json", b"\xff\xfe"), "cannot be read (", "cannot be read"),
    "a result with a NaN": (text("result.json", NAN), "NaN is not a finite number", "NaN is not"),
    "a result that overflows": (text("result.json", '{"a": 1e999}'), "1e999 is not a f", "1e999"),
    "a result without a bottom": (text("result.json", DEEP), "nested too deeply", "nested too"),
    "a result of a huge integer": (text("result.json", "9" * 5000), "cannot be", "cannot be"),
    "a result of another run": (of_another, "result.json is of the run", "belongs to another run"),
    "a result from the future": (
        result(schema=99),
        "its schema is 99, and this lab reads 1: take the lab it is of",
        "its schema is 99",
    ),
    "a status of no kind": (result(status="done"), "status: input should be", "status is 'done'"),
    "a status that is a number": (result(status=3), "status: input should be", "status is 3"),
    "a step below 0": (result(step=-1), "step: input should be greater", "step: input should be"),
    "a step in words": (result(step="all"), "step: input should be a valid i", "step is 'all'"),
    "a step that is true": (result(step=True), "step: input should be a valid", "step is True"),
    "half a step": (result(step=1.5), "step: input should be a valid integer", "step is 1.5"),
    "a step beyond 64 bits": (result(step=10**30), "step: ", "step: "),
    "a loss in words": (
        result(metrics={"val/loss": "low"}),
        "metrics.val/loss: input should be a valid number; got 'low'",
        "a metric is no number",
    ),
    "a loss that is true": (result(metrics={"val/loss": True}), "metrics.val/loss: ", "no number"),
    "a loss that is a list": (result(metrics={"val/loss": [4]}), "metrics.val/loss: ", "no numb"),
    "metrics in a list": (result(metrics=[4.0]), "metrics: input should be", "metrics is [4.0]"),
    "no metrics": (result(metrics=...), None, "metrics is None"),
    "evaluations by word": (result(evaluations={"x": {}}), "evaluations.x", "evaluations.x"),
    "evaluations of words": (result(evaluations={"0": {"a": "b"}}), "evaluations.0.a", "s.0.a"),
    "a model of words": (result(model={"n_params": "x"}), "model.n_params", "model.n_params"),
    "a model in a list": (result(model=[]), "model: input should be", "model is []"),
    "data in a list": (result(data=[]), "data: input should be", "data: input should be"),
    "data of words": (result(data={"stats": {"train": 3}}), "data.stats.train", "data.stats.train"),
    "times in words": (result(timing={"total": "long"}), "timing.total", "a metric is no number"),
    "a seed in words": (result(seed="x"), "seed: input should be a valid integer", "seed: "),
    "a seed below 0": (result(seed=-4), "seed: input should be greater than", "seed: "),
    "no seed": (result(seed=...), "seed: field required", "seed: field required"),
    "an error that is a number": (result(error=3), "error: input should be a valid", "error: "),
    "no result": (lambda s: (s.run / "result.json").unlink(), None, None),
    "a result that is a folder": (lambda s: folder(s.run / "result.json"), None, ""),
    "a result that is a pipe": (lambda s: pipe(s.run / "result.json"), None, None),
    "an order cut in half": (lambda s: cut(s.run / "order.json"), "order.json cannot be read", ""),
    "an order that is a list": (text("order.json", "[]"), "(no JSON object)", "no JSON object"),
    "an order of another schema": (
        lambda s: s.edit(s.run / "order.json", config={"model": 3}),
        None,
        "order.json is not an order of this lab; move its folder away",
    ),
    "an order without labels": (
        lambda s: s.edit(s.run / "order.json", labels=...),
        "is damaged (KeyError('labels'))",
        "is not an order of this lab",
    ),
    "labels that are numbers": (
        lambda s: s.edit(s.run / "order.json", labels={"variant": 3, "phase": "tune"}),
        "order.json is damaged (labels.variant",
        "is not an order of this lab",
    ),
    "settings that are lists": (
        lambda s: s.edit(s.run / "order.json", settings={"train.optimizer.lr": []}),
        "order.json is damaged (settings.train.optimizer.lr",
        "is not an order of this lab",
    ),
    "no order": (
        lambda s: (s.run / "order.json").unlink(),
        "has a result.json but no order.json",
        None,
    ),
    "runs that changed places": (swap, " of the run ", "belongs to another run"),
    "a run under another name": (
        lambda s: s.run.rename(s.run.with_name("x-0-12345678")),
        None,
        None,
    ),
    "a run that is a file": (
        lambda s: (shutil.rmtree(s.run), s.runs[0].with_name("x").write_text("")),
        None,
        None,
    ),
    "a run set aside that says nothing": (set_aside, "it has no plan.json; give one", None),
    "a stray file among runs": (lambda s: (s.sweep / "runs" / ".x").write_text(""), None, None),
    "a stray folder among runs": (lambda s: (s.sweep / "runs" / "x").mkdir(), None, None),
    "runs that are a file": (
        lambda s: (shutil.rmtree(s.sweep / "runs"), (s.sweep / "runs").write_text("")),
        None,
        "runs",
    ),
    "a curve with half a row": (lambda s: cut(s.run / "metrics.csv"), None, None),
    "a curve of words": (text("metrics.csv", "step,tokens\na,b\n"), "csv is damaged", "csv is dam"),
    "a curve with a long row": (text("metrics.csv", "step\n1,2\n"), "csv is damaged", "csv is dam"),
    "a curve, a column twice": (text("metrics.csv", "step,step\n1,1\n"), "no column", "column"),
    "a curve without a header": (text("metrics.csv", "0,0,4.5\n20,9,4.0\n"), "no column", "column"),
    "an empty curve": (text("metrics.csv", ""), None, None),
    "a curve of bytes": (text("metrics.csv", b"\xff\xfe\n"), "cannot be read", "read"),
    "a curve of zeros": (text("metrics.csv", b"\0" * 99 + b"\n"), "no column", "no column"),
    "a curve with a huge cell": (
        text("metrics.csv", "step\n" + "1" * 200_000 + "\n"),
        "metrics.csv is damaged",
        "metrics.csv is damaged",
    ),
    "a curve that is a folder": (lambda s: folder(s.run / "metrics.csv"), None, None),
    "positions of words": (text("positions.csv", "length\nx\n"), "csv is damaged", "csv is dam"),
    "a plan cut in half": (
        lambda s: cut(s.sweep / "plan.json"),
        "plan.json cannot be read (",
        "plan.json cannot be read (",
    ),
    "a plan that is a list": (text("plan.json", "[]"), "plan.json is damaged", "plan.json"),
    "a plan of nothing": (text("plan.json", "{}"), None, None),
    "a plan without a bottom": (text("plan.json", DEEP), "nested too deeply", "nested too deeply"),
    "a plan that was edited": (
        lambda s: s.edit(s.sweep / "plan.json", hash="0" * 64),
        None,
        None,
    ),
    "no plan": (lambda s: (s.sweep / "plan.json").unlink(), "it has no plan.json; give one", None),
    "a plan that is a folder": (lambda s: folder(s.sweep / "plan.json"), "it has no plan.json", ""),
    "a question cut off": (
        lambda s: cut(s.sweep / "sweep.yaml", within=b"variants:"),
        "sweep.yaml",
        None,
    ),
    "a question of bytes": (text("sweep.yaml", b"\xff"), "sweep.yaml cannot be read", None),
    "a question that is a list": (text("sweep.yaml", "[]"), "sweep.yaml holds no question", None),
    "a question of another lab": (
        text("sweep.yaml", "question: q?\nbsae: {}\n"),
        "bsae: unknown key; did you mean 'base'?",
        None,
    ),
    "no question": (lambda s: (s.sweep / "sweep.yaml").unlink(), "it has no sweep.yaml", None),
    "a schedule cut in half": (
        lambda s: cut(s.sweep / "schedule.json"),
        "schedule.json cannot be read (",
        "schedule.json cannot be read (",
    ),
    "a schedule that is a list": (text("schedule.json", "[]"), "schedule.json is da", "schedule."),
    "a schedule of another shape": (
        lambda s: s.edit(s.sweep / "schedule.json", rounds=3),
        "schedule.json is damaged",
        None,
    ),
    "a schedule of lists": (
        lambda s: s.edit(s.sweep / "schedule.json", rounds=[[["a"]]], surplus=[{}]),
        "schedule.json is damaged",
        None,
    ),
    "a schedule of other settings": (
        lambda s: s.edit(s.sweep / "schedule.json", asked={"learned": 3, "rope": [4]}),
        None,
        "schedule.json is damaged (asked holds no settings); move it away",
    ),
    "no schedule": (lambda s: (s.sweep / "schedule.json").unlink(), None, None),
    "trials cut in half": (
        lambda s: cut(s.sweep / "trials.json"),
        "trials.json cannot be read (",
        None,
    ),
    "trials of words": (
        lambda s: s.edit(s.sweep / "trials.json", trials=["x"]),
        "trials.json is damaged (",
        None,
    ),
    "trials of no variant": (
        lambda s: s.edit(s.sweep / "trials.json", trials=[
            {"variant": "x", "number": 0, "state": "complete", "settings": {}}
        ]),
        "trials.json is damaged (trial 0 is of 'x', which the question does not have)",
        None,
    ),
    "no trials": (lambda s: (s.sweep / "trials.json").unlink(), None, None),
    "certificates cut in half": (
        lambda s: cut(s.sweep / "certificates.json"),
        "certificates.json cannot be read (",
        None,
    ),
    "certificates of words": (
        lambda s: s.edit(s.sweep / "certificates.json", certificates=["x"]),
        "certificates.json is damaged (no certificates in it)",
        None,
    ),
    "certificates of nothing": (text("certificates.json", "{}"), None, None),
    "no certificates": (lambda s: (s.sweep / "certificates.json").unlink(), None, None),
    "a lock that is a folder": (lambda s: folder(s.sweep / ".lock"), None, ".lock"),
    "a log that is a folder": (lambda s: folder(s.sweep / "log.txt"), None, None),
    "a sweep that is a file": (
        lambda s: (shutil.rmtree(s.sweep), s.sweep.write_text("")),
        "is not a folder",
        "q",
    ),
    "artifacts that are a file": (
        lambda s: (shutil.rmtree(s.folder / "artifacts"), (s.folder / "artifacts").write_text("")),
        None,
        "artifacts",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_report_of_it(name: str, state: State) -> None:
    damage, expected, _ = CASES[name]
    damage(state)
    if expected is None:
        done = call("report", "experiments/q", cwd=state.folder)
        assert done.code == 0, done
    else:
        assert expected in refused("report", "experiments/q", cwd=state.folder)


@pytest.mark.parametrize("name", CASES)
def test_a_sweep_that_goes_on_from_it(name: str, state: State) -> None:
    damage, _, expected = CASES[name]
    before = state.results()
    damage(state)
    if expected is None:
        done = call("sweep", "q.yaml", cwd=state.folder)
        assert done.code == 0, done
        assert state.results() == before
    else:
        assert expected in refused("sweep", "q.yaml", cwd=state.folder)


def test_a_folder_that_may_not_be_written(state: State) -> None:
    """It is reported on nowhere else, and left as it is."""
    (state.sweep / "results.csv").unlink()
    state.sweep.chmod(0o555)
    with as_anyone():
        for command in (("report", "experiments/q"), ("sweep", "q.yaml")):
            assert "ermission denied" in refused(*command, cwd=state.folder)
    state.sweep.chmod(0o755)


def test_a_file_that_may_not_be_read(state: State) -> None:
    (state.run / "result.json").chmod(0)
    with as_anyone():
        for command in (("report", "experiments/q"), ("sweep", "q.yaml")):
            assert "Permission denied" in refused(*command, cwd=state.folder)


def test_a_folder_that_was_moved(state: State) -> None:
    """It can be reported on from anywhere, by its new name."""
    elsewhere = state.folder.parent / "elsewhere" / "renamed"
    elsewhere.parent.mkdir()
    shutil.move(state.sweep, elsewhere)
    assert call("report", elsewhere, cwd=state.folder).code == 0
    assert json.loads((elsewhere / "plan.json").read_text())["sweep"] == "q"


STUDIES: dict[str, Callable[[Path], object]] = {
    "missing": lambda file: file.unlink(),
    "empty": lambda file: file.write_bytes(b""),
    "torn": cut,
    "behind": lambda file: file.write_bytes(b"".join(file.read_bytes().splitlines(True)[:-2])),
    "of bytes": lambda file: file.write_bytes(b"\xff\x00" * 99),
    "of words": lambda file: file.write_text("no journal\n"),
    "of another plan": lambda file: file.write_bytes(
        file.read_bytes().replace(b'"plan": "', b'"plan": "0')
    ),
    "without a bottom": lambda file: file.write_text("[" * 100_000 + "\n"),
    "a folder": folder,
}


def told(file: Path) -> list[object]:
    """What Optuna reads in a study: its trials, but for the time at which they were told."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(file)))
    return [
        (name, trial.number, trial.state, trial.params, trial.values, trial.user_attrs)
        for name in sorted(optuna.get_all_study_names(storage))
        for trial in optuna.load_study(study_name=name, storage=storage).trials
    ]


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_rebuilt(name: str, state: State) -> None:
    """Equal to the undisturbed one, from plan and results; what was damaged is kept beside it."""
    study = state.sweep / "study"
    before = told(study)
    assert len(before) == 4
    STUDIES[name](study)
    done = call("sweep", "q.yaml", cwd=state.folder)
    assert done.code == 0, done
    assert "could not be written" not in done.err
    assert told(study) == before
