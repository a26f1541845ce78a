"""What is written is what the schema says, of every kind of sweep."""

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lab.config.sweep import SweepConfig
from lab.report.collect import open_sweep
from lab.report.judging.verdict import Verdict
from lab.report.page import write_report
from lab.report.pages.across import write_across
from lab.report.schema import AcrossFile, ReportFile, VerdictEntry
from tests.report.searched import SPACE

ONE: dict[str, Any] = {"baseline": None, "variants": {"base": {}}}


def written(folder: Path) -> dict[str, Any]:
    write_report(folder)
    found: dict[str, Any] = json.loads((folder / "report" / "report.json").read_text())
    return found


def test_a_verdict_has_the_fields_of_a_verdict() -> None:
    assert VerdictEntry.model_fields.keys() == {field.name for field in fields(Verdict)}


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"tune": None},
        {"confirm": None},
        {"tune": None, "confirm": None, **ONE},
        {"tune": None, "confirm": {"test": "fixed", "max_seeds": 2}},
        {"confirm": {"max_seeds": 6, "twin": True}},
    ],
)
def test_a_comparison(
    make_sweep: Callable[..., Path], asking: Callable[..., SweepConfig], parts: dict[str, Any]
) -> None:
    loss = {"base": 1.9, "learned": 2.13, "sinusoidal": 2.128, "rope": 1.896}
    folder = make_sweep(asked=asking(**parts), loss=loss)
    found = written(folder)
    parsed = ReportFile.parse(found)
    assert parsed.schema_ == 2
    assert parsed.plan == open_sweep(folder).plan["hash"]
    assert parsed.search is None
    assert [v.kind for v in parsed.verdicts] == [v.kind for v in open_sweep(folder).verdicts()]
    assert {f"{figure.name}.png" for figure in parsed.figures} == {
        path.name for path in (folder / "report").glob("*.png")
    }
    assert all(figure.caption for figure in parsed.figures)


def test_a_comparison_in_which_runs_were_lost(make_sweep: Callable[..., Path]) -> None:
    lost = {("confirm", "rope", 2): "diverged", ("tune", "learned", 0): "failed"}
    parsed = ReportFile.parse(written(make_sweep(lost=lost)))
    (lost,) = [verdict for verdict in parsed.verdicts if verdict.kind == "unstable"]
    assert [seed for seed, d in zip(lost.seeds, lost.differences, strict=True) if d is None] == [2]


@pytest.mark.parametrize(
    "objective", [None, [{"metric": "val/loss"}, {"metric": "model.n_params"}]]
)
def test_a_search(
    make_search: Callable[..., Path], searching: Callable[..., SweepConfig], objective: Any
) -> None:
    asked = searching(space={**SPACE}, objective=objective)
    parsed = ReportFile.parse(written(make_search(asked, fates={1: "diverged"})))
    assert parsed.search is not None
    assert parsed.search.n_trials == 8
    if objective is None:
        assert parsed.search.best is not None
    else:
        assert parsed.search.front


def test_several_sweeps(
    make_sweep: Callable[..., Path],
    make_search: Callable[..., Path],
    searching: Callable[..., SweepConfig],
) -> None:
    page, says = write_across([make_sweep(), make_search(searching())])
    parsed = AcrossFile.parse(json.loads(page.with_name("across.json").read_text()))
    assert parsed.says == says
    assert [sweep.sweep for sweep in parsed.sweeps] == ["posenc", "search"]


def test_another_field_is_refused(make_sweep: Callable[..., Path]) -> None:
    found = written(make_sweep())
    for changed in (
        {**found, "schema": 1},
        {**found, "more": 1},
        {name: value for name, value in found.items() if name != "limits"},
    ):
        with pytest.raises(ValidationError):
            ReportFile.parse(changed)
