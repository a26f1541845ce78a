"""The report of a search as a whole: complete, self-contained, safe, the same when made twice."""

import itertools
import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lab.report.collect import open_sweep
from lab.report.page import is_unfinished, write_report
from tests.report.written import Page

LR = "train.optimizer.lr"
FATES = {1: "pruned", 2: "diverged", 5: "failed"}
IMPORTANCE = {LR: 0.6, "model.n_layers": 0.25, "position": 0.15}
RATE = {LR: {"low": 1e-3, "high": 3.2e-2, "log": True}}


def machine(folder):
    return json.loads((folder / "report" / "report.json").read_text())


@pytest.fixture
def reported(searching, make_search):
    def build(*, name="search", fates=FATES, importance=IMPORTANCE, folder=None, **tune):
        made = make_search(
            searching(**tune), name=name, fates=fates, importance=importance, **(folder or {})
        )
        write_report(made)
        return made

    return build


@pytest.fixture(scope="module")
def folder(plain_search):
    """A search with its report; not to be written to."""
    assert write_report(plain_search) == plain_search / "report" / "index.html"
    return plain_search


def test_everything_is_there(folder):
    page = Page(folder)
    assert page.headings == [
        "The best trials",
        "What this does not show",
        "Trained again with fresh seeds",
        "What matters",
        "How the search went",
        "Learning curves",
        "What it cost",
        "Size and speed",
        "Certificates",
        "What was read",
        "Plan and outcome",
        "Every run",
        "Provenance",
        "How to read this",
        "How to reproduce it",
    ]
    names = {"curves", "importance", "slices", "parallel", "history", "learning"}
    made = {path.name for path in (folder / "report").iterdir()}
    assert made == {"index.html", "report.md", "report.json", "tables"} | {
        f"{name}.{kind}" for name in names for kind in ("png", "svg")
    }
    assert page.tags.count("svg") == len(names)
    for sentence in open_sweep(folder).answers():
        assert sentence in page.text.replace("\N{NO-BREAK SPACE}", " ")
    assert "2 trials are of other data." in page.text
    assert "too big" in page.text
    assert "not finished" not in page.text
    assert "nan" not in page.text.lower().split()
    assert "None" not in page.text.split()


def test_the_markdown_says_the_same(folder):
    text = (folder / "report" / "report.md").read_text()
    plain = text.replace("\\", "").replace("&lt;", "<")
    for sentence in open_sweep(folder).answers():
        assert sentence in plain
    pictures = re.findall(r"\]\((\S+\.png)\)", text)
    assert len(pictures) == 6
    assert all((folder / "report" / name).is_file() for name in pictures)
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_the_json_has_what_was_found(folder):
    found = machine(folder)["search"]
    search = open_sweep(folder).search()
    best = min(search.complete, key=lambda t: t.values[0])
    assert found["best"]["number"] == best.number
    assert found["best"]["settings"] == best.settings
    assert found["best"]["values"] == best.values
    assert [*found["answer"], *found["notes"]] == open_sweep(folder).answers()
    assert found["states"] == {
        "complete": 5, "pruned": 1, "diverged": 1, "failed": 1, "running": 0
    }  # fmt: skip
    assert found["tokens"]["spent"] < found["tokens"]["full"]
    assert list(found["importance"]) == [LR, "model.n_layers", "position"]
    assert found["n_skipped"] == 2
    assert found["seed_noise"] > 0


def test_a_front_has_its_page(reported):
    folder = reported(objective=["val/loss", "model.n_params"], importance={})
    page, found = Page(folder), machine(folder)["search"]
    assert page.headings[0] == "The Pareto front"
    assert "Pareto front" in found["answer"][0]
    assert "best" not in found
    assert len(found["front"]) >= 1
    assert (folder / "report" / "front.png").exists()
    assert not (folder / "report" / "history.png").exists()
    assert "lower number of parameters are better" in page.text


def test_it_says_when_it_is_not_finished(reported):
    folder = reported(fates={7: "running"}, importance={})
    assert "This sweep is not finished" in Page(folder).text
    assert "The best of 7 trials so far has" in Page(folder).text
    assert machine(folder)["unfinished"]


@pytest.mark.parametrize(
    ("parts", "confirm", "waiting"),
    [
        ({"over": False}, None, True),
        ({"n_skipped": 3}, None, False),
        ({"n_skipped": 3}, {"max_seeds": 4}, False),
        ({"n_skipped": 3, "confirmed": 2}, {"max_seeds": 4}, True),
        ({"n_skipped": 3, "confirmed": 0}, {"max_seeds": 4}, True),
        ({"kept": False}, None, False),
    ],
)
def test_when_it_is_finished(searching, make_search, parts, confirm, waiting):
    """Three of six trials are told of; the others were ruled out, or are still to come."""
    asked = searching(space=RATE, trials=6, confirm=confirm)
    sweep = open_sweep(make_search(asked, settings=[{LR: x / 1000} for x in (2, 3, 4)], **parts))
    unfinished = is_unfinished(asked, sweep.search(), sweep.runs(), sweep.verdicts())
    assert unfinished is waiting


def test_nothing_found_is_said(reported):
    lost = dict.fromkeys(range(8), "diverged")
    folder = reported(fates=lost, importance={}, confirm={"max_seeds": 2})
    page = Page(folder)
    assert "Nothing found" in page.text
    assert "None of 8 trials was trained to its end" in page.text
    assert not machine(folder)["unfinished"]
    assert machine(folder)["search"]["best"] is None


def test_an_older_folder_has_a_page(reported):
    folder = reported(folder={"kept": False}, importance={})
    assert "The best of 8 trials has" in Page(folder).text
    assert (folder / "report" / "history.png").exists()


def test_the_best_package_is_named(reported):
    folder = reported(space=RATE, fates={}, importance={})
    (command,) = re.findall(r"python -m lab\.sample (\S+)", Page(folder).text)
    best = min(open_sweep(folder).search().complete, key=lambda t: t.values[0])
    assert command == f"artifacts/search/{best.runs[0]}"


def test_a_comparison_folds_its_trials_away(asking, make_search):
    space = RATE | {"model.bias": [True, False]}
    asked = asking(tune={"trials": 6, "refine": 0, "space": space})
    folder = make_search(asked, fates={1: "pruned"}, importance={LR: 0.9, "model.bias": 0.1})
    write_report(folder)
    page = Page(folder)
    assert page.tags.count("details") == 2  # one is the contents
    assert {path.stem for path in (folder / "report").glob("*.png")} == {
        "differences", "tuning", "history", "slices", "importance", "curves", "paired", "cost"
    }  # fmt: skip
    assert machine(folder)["search"] is None
    assert "tokens" in machine(folder)["tables"]
    assert page.headings[2] == "How sure is that?"


def test_equal_results_give_equal_bytes(reported):
    space = RATE | {"model.bias": [True, False]}
    one, two = (reported(name=f"{place}/search", space=space) for place in ("one", "two"))
    for path in filter(Path.is_file, (one / "report").rglob("*")):
        here, there = path.read_bytes(), (two / path.relative_to(one)).read_bytes()
        assert here.replace(str(one).encode(), str(two).encode()) == there


LABELS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=50
).filter(str.strip)
EVIL = st.sampled_from(
    [
        "<script>alert(1)</script>",
        "$\\frac{",
        "a|b",
        "`x`",
        "_hidden",
        "--><b>",
        "$$",
        "\\",
        "{{x}}",
    ]
)
names = itertools.count()


@hypothesis_settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # a page takes a second, too long to shrink
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(labels=st.lists(LABELS, min_size=1, max_size=2), evil=EVIL, name=LABELS | EVIL)
def test_labels_stay_texts(searching, make_search, labels, evil, name):
    choices = {
        label: {"train.batch_size": 8 * (place + 1)}
        for place, label in enumerate(dict.fromkeys([evil, *labels]))
    }
    asked = searching(space=RATE | {name: {"choices": choices}}, trials=5)
    skipped = [{"variant": "base", "settings": {name: evil}, "reason": evil}]
    folder = make_search(
        asked, name=f"s{next(names)}", importance={LR: 0.5, name: 0.5}, skipped=skipped,
        n_skipped=1, warm_notes=[evil],
    )  # fmt: skip
    write_report(folder)
    page = Page(folder)
    assert len(page.scripts) == 1
    assert "b" not in page.tags
    assert " ".join(evil.split()) in page.text
    markdown = (folder / "report" / "report.md").read_text()
    assert "<script" not in markdown
    assert len(open_sweep(folder).trials()) == 5
