"""Orders carried out together leave what each leaves alone."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.cohort import CohortError, execute_cohort, time_cohort
from lab.config.order import WorkOrder
from lab.config.run import RunConfig
from lab.errors import ConfigError
from lab.package.read import load_package
from lab.run import execute
from lab.train.checkpoint import Checkpoints
from lab.train.cohort import Cohort
from lab.train.state import TrainState

Order = Callable[..., WorkOrder]
OWN: list[dict[str, Any]] = [
    {"seed": 0},
    {"seed": 1, "train.optimizer.lr": 1e-2},
    {"seed": 2, "train.clip_norm": None, "train.schedule": {"kind": "constant"}},
]


@pytest.fixture
def orders(order: Order) -> list[WorkOrder]:
    return [order(**own).replaced({"execution": "cohort"}) for own in OWN]


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    return [tmp_path / f"together-{number}" for number in range(len(OWN))]


def alone(order: WorkOrder, folder: Path, **options: Any) -> dict[str, Any] | None:
    return execute(order.replaced({"execution": "alone"}), folder=folder, **options)


def assert_as_alone(
    orders: Sequence[WorkOrder], folders: Sequence[Path], found: Sequence[Any], tmp_path: Path
) -> None:
    for number, (order, folder, content) in enumerate(zip(orders, folders, found, strict=True)):
        package = tmp_path / "alone-packages" / str(number)
        whole = tmp_path / f"alone-{number}"
        expected = alone(order.replaced({"package": str(package)}), whole)
        assert expected is not None
        assert content == json.loads((folder / "result.json").read_text())
        for result in (content, expected):
            del result["timing"], result["provenance"]["execution"]
        assert content == expected
        for file in ("metrics.csv", "samples.csv"):
            assert (folder / file).read_bytes() == (whole / file).read_bytes(), file
        assert {f.name for f in folder.iterdir()} == {f.name for f in whole.iterdir()}
        weights = Path(order.package or "") / "model.safetensors"
        assert weights.read_bytes() == (package / "model.safetensors").read_bytes()


def test_each_leaves_what_it_leaves_alone(
    orders: list[WorkOrder], folders: list[Path], tmp_path: Path
) -> None:
    found = execute_cohort(orders, folders=folders)
    assert [content["provenance"]["execution"] for content in found if content] == ["cohort"] * 3
    assert_as_alone(orders, folders, found, tmp_path)
    for order in orders:
        assert load_package(Path(order.package or "")).config == order.config


def test_rows_are_told_with_the_place_of_their_member(
    orders: list[WorkOrder], folders: list[Path]
) -> None:
    told: list[tuple[int, int]] = []
    execute_cohort(
        orders, folders=folders, on_row=lambda place, step, row: told.append((place, step))
    )
    steps = range(0, 13, 2)
    assert told == [(place, step) for step in steps for place in range(3)]


@pytest.mark.parametrize("at", [0, 1, 4, 9])
def test_stopped_together_and_continued_in_any_way(
    orders: list[WorkOrder],
    folders: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at: int,
) -> None:
    step, made = Cohort.step, list[int]()

    def noted(self: Cohort, number: int) -> None:
        step(self, number)
        made.append(number)

    with monkeypatch.context() as patch:
        patch.setattr(Cohort, "step", noted)
        stopped = execute_cohort(orders, folders=folders, stop=lambda: len(made) >= at)
    assert stopped == [None] * 3
    assert made == [*range(1, at + 1)]
    assert [(folder / "result.json").exists() for folder in folders] == [False] * 3
    first = alone(orders[0], folders[0])
    rest = execute_cohort(orders[:0:-1], folders=folders[:0:-1])
    assert first is not None
    first["provenance"]["execution"] = "cohort"
    (folders[0] / "result.json").write_text(json.dumps(first))
    assert_as_alone(orders, folders, [first, *rest[::-1]], tmp_path)


def test_members_at_different_steps_are_all_brought_to_the_end(
    orders: list[WorkOrder], folders: list[Path], tmp_path: Path
) -> None:
    for number, at in ((0, 7), (2, 3)):
        steps = iter(range(1, 99))
        stop = lambda steps=steps, at=at: next(steps) >= at  # noqa: E731
        assert alone(orders[number], folders[number], stop=stop) is None
    assert_as_alone(orders, folders, execute_cohort(orders, folders=folders), tmp_path)


def test_who_has_a_result_is_not_trained_again(
    orders: list[WorkOrder], folders: list[Path]
) -> None:
    before = execute(orders[1], folder=folders[1])
    told: set[int] = set()
    found = execute_cohort(orders, folders=folders, on_row=lambda place, step, row: told.add(place))
    assert found[1] == before
    assert told == {0, 2}
    assert execute_cohort(orders, folders=folders) == found


def test_a_pause_is_continued(orders: list[WorkOrder], folders: list[Path], tmp_path: Path) -> None:
    paused = execute_cohort([o.replaced({"until": 4}) for o in orders], folders=folders)
    assert [(content["status"], content["step"]) for content in paused if content] == [
        ("running", 4)
    ] * 3
    assert all((folder / "reached.json").exists() for folder in folders)
    assert_as_alone(orders, folders, execute_cohort(orders, folders=folders), tmp_path)


@pytest.mark.parametrize("name", ["metrics.csv", "checkpoint", "result.json"])
def test_one_whose_files_cannot_be_written_takes_nobody_with_it(
    orders: list[WorkOrder], folders: list[Path], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "checkpoint":
        monkeypatch.setattr(Checkpoints, "save", _refusing(folders[1]))
    else:
        (folders[1] / name / "in the way").mkdir(parents=True)
    with pytest.raises(CohortError, match=r"^member 1: ") as caught:
        execute_cohort(orders, folders=folders)
    assert [*caught.value.failures] == [1]
    assert [(folder / "result.json").is_file() for folder in folders] == [True, False, True]


def test_what_goes_wrong_with_all_is_raised_as_it_is(
    orders: list[WorkOrder], folders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Cohort.step

    def failing(self: Cohort, number: int) -> None:
        if number == 6:
            raise RuntimeError("no memory")
        step(self, number)

    with monkeypatch.context() as patch:
        patch.setattr(Cohort, "step", failing)
        with pytest.raises(RuntimeError, match="no memory"):
            execute_cohort(orders, folders=folders)
    assert_as_alone(orders, folders, execute_cohort(orders, folders=folders), tmp_path)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"config.train.steps": 24}, "shape"),
        ({"until": 4}, "until"),
        ({"threads": 2}, "threads"),
        ({"data": "/elsewhere", "compiled": True}, "data, compiled"),
    ],
)
def test_orders_that_are_not_alike_are_refused(
    orders: list[WorkOrder], folders: list[Path], change: dict[str, Any], named: str
) -> None:
    orders[1] = orders[1].replaced(change)
    with pytest.raises(ConfigError, match=f"3 orders differ in {named};"):
        execute_cohort(orders, folders=folders)


def test_what_cannot_be_stacked_is_refused(order: Order, folders: list[Path]) -> None:
    with pytest.raises(ConfigError, match=r"model\.dropout=0\.1 .* go alone"):
        execute_cohort([order(**{"model.dropout": 0.1})], folders=folders[:1])


def test_a_measurement_is_of_real_steps_of_so_many(
    tiny_run: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    step, seen = Cohort.step, list[list[int]]()

    def noted(self: Cohort, number: int) -> None:
        step(self, number)
        seen.append([member.state.step for member in self.members])

    monkeypatch.setattr(Cohort, "step", noted)
    assert time_cohort(RunConfig.parse(tiny_run), None, members=3, steps=2) > 0
    assert seen == [[1] * 3, [2] * 3]


def _refusing(folder: Path) -> Callable[[Checkpoints, TrainState], None]:
    save = Checkpoints.save

    def refusing(self: Checkpoints, state: TrainState) -> None:
        if self.folder.parent == folder:
            raise PermissionError(13, "not allowed", str(self.folder))
        save(self, state)

    return refusing
