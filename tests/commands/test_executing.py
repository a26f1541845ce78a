"""Runs alone and in cohorts: what is measured once and told, and that they come to the same."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.commands import executing
from lab.commands.asked import EXPERIMENTS, Asked, ask
from lab.commands.executing import compiled, decided, measured, to_be_measured
from lab.config.execution import Executed
from lab.errors import ConfigError
from lab.files import read_json, write_json
from lab.sweep.apart import seconds_a_token
from lab.sweep.folder import SweepFolder
from tests.commands.folder import Lab, kill_a_worker, wait_for
from tests.commands.test_sweep import QUESTION

BASE: dict[str, Any] = {
    **QUESTION["base"],
    "model": {**QUESTION["base"]["model"], "norm": {"kind": "rmsnorm"}},
    "train": {**QUESTION["base"]["train"], "steps": 60, "log_every": 3, "checkpoint_every": 6},
    "evaluate": {"tokens": 256},
}
TUNE = {**QUESTION["tune"], "trials": 4, "pruner": {"kind": "successive-halving"}}
COMPARED: dict[str, Any] = {**QUESTION, "base": BASE, "tune": TUNE}
COHORT = {"execution": {"kind": "cohort", "members": 3}}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("lab.report.page.figures_of", lambda sweep: {})  # they take their time
        yield


@pytest.fixture(autouse=True)
def _same_cache(_private_cache: None, cache: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results name the text as the cache does."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Lab:
    lab = Lab(tmp_path_factory.mktemp("alone"), corpus, COMPARED)
    done = lab.run("--workers", "2")
    assert done.returncode == 0, done.stderr
    assert "each run goes alone on 1 thread, 2 at a time\n" in done.stderr
    return lab


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Lab:
    lab = Lab(tmp_path_factory.mktemp("together"), corpus, COMPARED, **COHORT)
    done = lab.run("--workers", "2")
    assert done.returncode == 0, done.stderr
    assert "runs go in cohorts of up to 3 of one shape, 2 at a time\n" in done.stderr
    return lab


def orders(lab: Lab) -> list[dict[str, Any]]:
    return [read_json(file) for file in sorted(lab.sweep.glob("runs/*/order.json"))]


def test_cohorts_come_to_the_results_of_runs_alone(alone: Lab, together: Lab) -> None:
    assert {order["execution"] for order in orders(alone)} == {"alone"}
    assert {order["execution"] for order in orders(together)} == {"cohort"}
    assert together.results() == alone.results()
    assert together.curves() == alone.curves()
    for run in alone.rows("run"):
        files = [
            {name: read_json(lab.sweep / "runs" / run / "result.json")[name] for name in PARTS}
            for lab in (alone, together)
        ]
        assert files[0] == files[1]
        weights = [lab.artifacts / run / "model.safetensors" for lab in (alone, together)]
        assert len({file.is_file() and file.read_bytes() for file in weights}) == 1


PARTS = ("status", "step", "metrics", "initial", "evaluations", "model", "data", "diverged_at")


def test_what_was_decided_stands_in_the_plan_and_beside_each_run(together: Lab) -> None:
    plan = read_json(together.sweep / "plan.json")
    assert plan["execution"] == Executed(kind="cohort", members=3).dump()
    for run in together.rows("run"):
        result = read_json(together.sweep / "runs" / run / "result.json")
        kept = read_json(together.sweep / "runs" / run / "provenance.json")
        assert result["provenance"]["execution"] == kept["execution"] == "cohort"
    for manifest in together.artifacts.glob("*/manifest.json"):
        assert read_json(manifest)["provenance"]["execution"] == "cohort"


def test_another_kind_needs_a_word(together: Lab) -> None:
    done = together.run("--set", "execution={kind: alone}")
    assert done.returncode == 2
    assert "was run under another kind of execution (cohort, now alone)" in done.stderr
    assert "--keep takes such runs over" in done.stderr
    kept = together.run("--set", "execution={kind: alone}", "--keep")
    assert kept.returncode == 0, kept.stderr
    assert "execution.kind: cohort → alone" in kept.stderr
    assert together.run("--keep").returncode == 0  # as it was


def test_a_cohort_that_is_killed_is_gone_on_with(alone: Lab, corpus: Path, tmp_path: Path) -> None:
    lab = Lab(tmp_path, corpus, COMPARED, **COHORT)
    process = lab.start("--workers", "2")
    wait_for(lambda: kill_a_worker(lab, process.pid, rows=4) or process.poll() is not None)
    wait_for(lambda: bool([*lab.sweep.glob("runs/*/attempts.json")]))
    lab.kill_after(process, 4)
    done = lab.run("--workers", "1")
    assert done.returncode == 0, done.stderr
    killed = [read_json(file) for file in lab.sweep.glob("runs/*/attempts.json")]
    assert {each["error"] for found in killed for each in found} == {"killed by SIGKILL"}
    assert len(killed) > 1
    assert lab.results() == alone.results()
    assert lab.curves() == alone.curves()


@pytest.fixture
def asking(
    tmp_path: Path, tiny_run: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Asked]:
    """`asking(kind="auto")` is a question of two variants, the second of twice the FLOPs."""
    monkeypatch.chdir(tmp_path)

    def write(changes: dict[str, Any] | None = None, **execution: Any) -> Asked:
        content = {
            "question": "Which?",
            "base": tiny_run,
            "variants": {"small": {}, "large": {"train.steps": 24}},
            "confirm": {"min_seeds": 2, "max_seeds": 2},
            "execution": execution,
            **(changes or {}),
        }
        (tmp_path / "question.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
        return ask("question.yaml", overrides=[])

    return write


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was timed: the steps of a run, and its threads or the members beside it."""
    seen: list[Any] = []

    def clock(function: Any, config: Any, folder: Any, *args: int) -> float:
        seen.append((function is seconds_a_token, config.train.steps, *args))
        return 1.0 if function is seconds_a_token else 2 / (1 + args[0])

    def side_by_side(config: Any, folder: Any, *, threads: int, workers: int) -> float:
        seen.append((threads, workers))
        return 100.0 * workers

    monkeypatch.setattr(executing, "ask_apart", clock)
    monkeypatch.setattr(executing, "tokens_side_by_side", side_by_side)
    monkeypatch.setattr(executing, "cores_usable", lambda: 4)
    return seen


def test_what_is_said_is_not_measured(asking: Callable[..., Asked], timed: list[Any]) -> None:
    assert decided(asking(kind="alone")) == Executed()
    assert decided(asking(kind="cohort", members=5)) == Executed(kind="cohort", members=5)
    for execution in ({"kind": "alone", "threads": "auto"}, {"kind": "cohort"}, {"kind": "auto"}):
        asked = asking(**execution)
        assert decided(asked) is None
        assert "measured" in (told := to_be_measured(asked.question)) or "timed" in told
    assert timed == []


def test_cohorts_of_the_dearest_run_are_timed_between_runs_alone(
    asking: Callable[..., Asked], timed: list[Any]
) -> None:
    """As many members as there may be runs, which is less than would be best."""
    for kind in ("auto", "cohort"):
        timed.clear()
        found = measured(asking(kind=kind), device="cpu")
        assert (found.kind, found.members, found.device) == ("cohort", 4, "cpu")
        assert timed == [(True, 24, 1), *((False, 24, n, 1) for n in (1, 2, 4)), (True, 24, 1)]


def test_threads_are_timed_side_by_side(asking: Callable[..., Asked], timed: list[Any]) -> None:
    asked = asking(kind="alone", threads="auto")
    found = measured(asked, device="cpu")
    assert (found.threads, found.workers) == (1, 4)
    assert timed == [(1, 4), (2, 2), (4, 1)]
    assert decided(asked, device="cuda") == Executed(
        device="cuda", why="threads of the CPU make no run on a GPU quicker"
    )


def test_what_was_measured_when_the_sweep_began_stands(
    asking: Callable[..., Asked], timed: list[Any]
) -> None:
    asked = asking(kind="auto")
    found = measured(asked, device="cpu")
    folder = SweepFolder(EXPERIMENTS / asked.name)
    content = {"resolved": asked.question.dump(), "execution": found.dump()}
    folder.path.mkdir(parents=True)
    write_json(folder.path / "plan.json", content)
    assert decided(asked, device="cpu") == decided(asked) == found
    assert decided(asked, device="cuda") is None
    assert decided(asking(kind="cohort")) is None
    more = {"confirm": {"min_seeds": 2, "max_seeds": 4}}
    assert decided(asking(more, kind="auto"), device="cpu") == found


def test_what_is_compiled_is_decided_once(
    asking: Callable[..., Asked], timed: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By arithmetic where that suffices, else by a run's own steps."""
    variants = {
        "short": {},
        "long": {"train.steps": 10**9, "model.d_model": 1024},
        "told": {"train.compile": True, "train.steps": 13},
    }
    asked = asking({"variants": {**variants, "between": {"train.steps": 10**7}}}, kind="alone")
    found = compiled(asked, Executed(), device="cpu")
    assert found.compiled == ("long", "told", "between")
    assert timed == [(True, 10**7, 1)]
    folder = SweepFolder(EXPERIMENTS / asked.name)
    content = {"resolved": asked.question.dump(), "execution": found.dump()}
    folder.path.mkdir(parents=True)
    write_json(folder.path / "plan.json", content)
    monkeypatch.setattr(executing, "is_compiled", lambda *args, **more: False)
    assert compiled(asked, Executed(), device="cpu") == found
    assert compiled(asking(kind="alone"), Executed(), device="cpu") == Executed()


@pytest.mark.parametrize(
    "changes",
    [
        {"variants": {"small": {}, "large": {"model.dropout": 0.1}}},
        {"tune": {"trials": 2, "space": {"model.dropout": {"low": 0.0, "high": 0.2}}}},
    ],
)
def test_runs_that_can_be_in_no_cohort_go_alone_or_are_refused(
    asking: Callable[..., Asked], timed: list[Any], changes: dict[str, Any]
) -> None:
    """Also where only the search makes them so."""
    found = decided(asking(changes, kind="auto"))
    assert found is not None
    assert found.kind == "alone"
    assert "model.dropout=0." in found.why
    for members in (2, "auto"):
        with pytest.raises(ConfigError, match=r"^execution: \{kind: cohort\}: \w+: model\.dropout"):
            decided(asking(changes, kind="cohort", members=members))
    assert timed == []


def test_a_refused_cohort_leaves_nothing_behind(corpus: Path, tmp_path: Path) -> None:
    lab = Lab(tmp_path, corpus, {**COMPARED, **COHORT})
    for words in ([], ["--dry-run"]):
        done = lab.run("--set", "model.dropout=0.1", *words)
        assert done.returncode == 2
        assert "execution: {kind: cohort}: learned: model.dropout=0.1" in done.stderr
        assert done.stderr.count("\n") == 1
    assert not lab.sweep.exists()


def test_a_dry_run_says_what_is_known(corpus: Path, tmp_path: Path) -> None:
    lab = Lab(tmp_path, corpus, COMPARED)
    told = {
        "execution={kind: alone}": "each run goes alone on 1 thread, 3 at a time",
        "execution={kind: auto}": "runs alone and in cohorts are timed when the sweep starts",
        "execution={kind: cohort, members: 5}": "runs go in cohorts of up to 5 of one shape, 3 at",
    }
    for override, sentence in told.items():
        done = lab.run("--dry-run", "--workers", "3", "--set", override)
        assert done.returncode == 0, done.stderr
        assert f"execution {sentence}" in done.stdout
    assert not lab.sweep.exists()
