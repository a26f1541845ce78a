"""Several sweeps on one page: complete, outside their folders, and safe."""

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.config.sweep import SweepConfig
from lab.errors import ConfigError
from lab.report.collect import Sweep, open_sweep
from lab.report.pages.across import write_across
from lab.report.pages.across_tables import all_runs, costs, settings, verdicts

MakeSweep = Callable[..., Path]
Asking = Callable[..., SweepConfig]
ANYTIME = {"min_seeds": 4, "max_seeds": 8, "margin": 0.02, "twin": False}


@pytest.fixture
def make(make_sweep: MakeSweep, asking: Asking) -> Callable[..., Path]:
    """A finished sweep of two variants: 5 seeds each, of at most 8; of a name and a question."""

    def make(name: str = "one", **parts: object) -> Path:
        two = {"learned": {}, "rope": {"model.position": {"kind": "rope"}}}
        asked = asking(**{"variants": two, "confirm": ANYTIME, **parts})
        seeds = dict.fromkeys(asked.arms, 5)
        loss = {"base": 1.9, "learned": 2.13, "rope": 1.896}
        return make_sweep(asked=asked, name=name, seeds=seeds, loss=loss)

    return make


def opened(*folders: Path) -> dict[str, Sweep]:
    return {folder.name: open_sweep(folder) for folder in folders}


def test_every_verdict_has_its_row(make: Callable[..., Path]) -> None:
    sweeps = opened(make("one"), make("two", confirm={**ANYTIME, "margin": None}))
    table = verdicts(sweeps)
    assert [*table.frame["Sweep"]] == ["one", "two"]
    assert [*table.frame["Contrast"]] == ["rope − learned"] * 2
    assert [*table.frame["Verdict"]] == ["decided"] * 2
    (verdict,) = sweeps["one"].verdicts()
    assert table.frame["Difference"][0] == verdict.difference
    assert [row[8] for row in table.cells()[1:]] == ["0.02", "–"]
    assert table.note == ""


def test_other_measures_are_told_and_not_ranked(make: Callable[..., Path]) -> None:
    sweeps = opened(make("one"), make("bits", confirm={**ANYTIME, "metric": "bpb"}))
    table = verdicts(sweeps)
    assert table.frame["Judged by"].tolist() == [
        "Test loss, nats a token",
        "Test loss, bits a byte",
    ]
    assert "not to be compared in size" in table.note
    assert [*table.frame["Sweep"]] == ["one", "bits"]


def test_what_stopping_early_spent(make: Callable[..., Path], asking: Asking) -> None:
    fixed = {"test": "fixed", "max_seeds": 5, "twin": False}
    sweeps = opened(make("one"), make("two"), make("fixed", confirm=fixed))
    table = costs(sweeps)
    assert [*table.frame["Confirm runs"]] == [10, 10, 10]
    assert table.frame["In the fixed design"].tolist()[:2] == [16, 16]
    assert table.frame["In the fixed design"].isna().tolist() == [False, False, True]
    assert table.note == (
        "Sequential stopping spent 20 of the 32 confirmation runs that the fixed design would have "
        "(62.5 %), summed over 2 sweeps."
    )
    minutes = sweeps["one"].timing()["total"].sum() / 60
    assert table.frame["Worker minutes"][0] == pytest.approx(minutes)


def test_a_sweep_that_goes_on_is_not_in_the_sum(make: Callable[..., Path]) -> None:
    wanting = make("two", confirm={**ANYTIME, "alpha": 1e-9, "margin": None})  # 5 seeds of 8
    table = costs(opened(make("one"), wanting))
    assert "10 of the 16 confirmation runs" in table.note
    assert table.frame["In the fixed design"].isna().tolist() == [False, True]
    assert costs(opened(make("lone", confirm=None))).note == ""


def test_what_differs_and_only_that(make: Callable[..., Path], question: SweepConfig) -> None:
    base = question.dump()["base"]
    wide = {**base, "model": {**base["model"], "d_model": 128}, "evaluate": {"lengths": [64]}}
    alone = {"variants": {"base": {}}, "baseline": None}
    sweeps = opened(make("one"), make("wide", base=wide), make("lone", confirm=None, **alone))
    table = settings(sweeps)
    assert table is not None
    found = {row[0]: row[1:] for row in table.cells()[1:]}
    assert found == {
        "variants": ["2 variants", "2 variants", "1 variant"],
        "base.model.d_model": ["64", "128", "64"],
        "base.evaluate.lengths": ["none", "64", "none"],
        "baseline": ["learned", "learned", "none"],
        "confirm": ["given", "given", "none"],
    }
    assert settings(opened(make("again"))) is None


def test_all_runs_are_in_one_table(make: Callable[..., Path]) -> None:
    sweeps = opened(make("one"), make("lone", tune=None, confirm=None))
    joint = all_runs(sweeps)
    assert [*joint.columns[:3]] == ["sweep", "run", "variant"]
    assert joint.groupby("sweep").size().to_dict() == {
        name: len(sweep.runs()) for name, sweep in sweeps.items()
    }
    lone = joint[joint["sweep"] == "lone"]
    assert lone["train.optimizer.lr"].isna().all()  # nothing was tuned there


def test_the_page_has_everything(make: Callable[..., Path]) -> None:
    folders = [make("one"), make("two")]
    page, says = write_across(folders)
    target = folders[0].parent / "across-one-two"
    assert page == target / "index.html"
    assert {path.name for path in target.iterdir()} == {
        "index.html", "across.md", "across.json", "across.csv", "runs.csv"
    }  # fmt: skip
    assert says[0].startswith("1 of 1 comparison that was asked more than once")
    text = page.read_text()
    assert text.count("rope beats learned") == 2
    assert all(sentence in text.replace("\N{NO-BREAK SPACE}", " ") for sentence in says)
    markdown = (target / "across.md").read_text()
    assert "## two: Which position encoding is best at this scale?" in markdown
    found = json.loads((target / "across.json").read_text())
    assert [sweep["sweep"] for sweep in found["sweeps"]] == ["one", "two"]
    assert [sweep["unit"] for sweep in found["sweeps"]] == ["nats a token"] * 2
    assert found["tables"]["agreement"][0]["Verdicts"] == "the same"
    with (target / "across.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["Sweep"] for row in rows] == ["one", "two"]
    assert float(rows[0]["Difference"]) == open_sweep(folders[0]).verdicts()[0].difference
    with (target / "runs.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 2 * len(open_sweep(folders[0]).runs())


def test_it_leads_to_reports_that_are_there(make: Callable[..., Path], tmp_path: Path) -> None:
    one, two = make("one"), make("two")
    (one / "report").mkdir()
    (one / "report" / "index.html").write_text("")
    page, _ = write_across([one, two], to=tmp_path / "compared" / "a b")
    text = page.read_text()
    assert '<a href="../../one/report/index.html">one</a>' in text
    assert "two/report" not in text
    assert "python -m lab.report" in text
    assert not [line for line in text.splitlines() if f" {tmp_path}" in line]


def test_a_name_that_two_have_is_told_by_its_path(
    make: Callable[..., Path], tmp_path: Path
) -> None:
    one = make("one")
    (tmp_path / "elsewhere").mkdir()
    other = make("two").rename(tmp_path / "elsewhere" / "one")
    page, _ = write_across([one, other])
    found = json.loads(page.with_name("across.json").read_text())
    assert [sweep["sweep"] for sweep in found["sweeps"]] == [
        os.path.relpath(path) for path in (one, other)
    ]


def test_many_have_a_short_name(make: Callable[..., Path]) -> None:
    folders = [make(f"s{n}") for n in range(6)]
    page, _ = write_across(folders)
    assert page.parent.name == "across-s0-and-5-more"
    assert "<title>s0, s1, s2, s3 and 2 more</title>" in page.read_text()


def test_no_folder_of_a_sweep_is_written_into(make: Callable[..., Path]) -> None:
    one, two = make("one"), make("two")
    for inside in (one, two / "report" / "compared"):
        with pytest.raises(ConfigError, match=r"lies in the folder of the sweep .*beside it"):
            write_across([one, two], to=inside)
    with pytest.raises(ConfigError, match=r"given twice; give each sweep once"):
        write_across([one, one.parent / "two" / ".." / "one"])


def test_texts_from_outside_stay_texts(make: Callable[..., Path]) -> None:
    evil = "<script>alert(1)</script> | `x`"
    page, _ = write_across([make("one", question=evil), make("two")])
    text = page.read_text()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert "<script" not in page.with_name("across.md").read_text()


def test_equal_sweeps_give_equal_bytes(make: Callable[..., Path]) -> None:
    folders = [make("one"), make("two")]
    first = {path: path.read_bytes() for path in write_across(folders)[0].parent.iterdir()}
    again = {path: path.read_bytes() for path in write_across(folders)[0].parent.iterdir()}
    assert first == again


def test_searches_and_lone_runs_are_told_too(
    make: Callable[..., Path], make_search: Callable[..., Path], searching: Asking
) -> None:
    search = make_search(searching())
    lone = make("lone", tune=None, confirm=None, variants={"base": {}}, baseline=None)
    page, says = write_across([search, lone])
    text = page.read_text()
    for sweep in (open_sweep(search), open_sweep(lone)):
        assert sweep.answers()[0] in text.replace("\N{NO-BREAK SPACE}", " ")
    assert says == []
