"""The report as a whole: complete, honest, self-contained, safe, the same when made twice."""

import base64
import csv
import hashlib
import json
import re

import pytest

from lab.report.page import write_report
from tests.report.written import Page

FIGURES = ("differences", "tuning", "budget", "curves", "paired", "cost")
TABLES = {
    *("comparisons", "results", "tuning", "fairness", "twin", "read", "budget", "counts"),
    *("provenance", "runs"),
}
EVIL = "<script>alert('x')</script> & \"more\" | `code` ${jndi}"


@pytest.fixture(scope="module")
def reported(plain_sweep):
    """A complete sweep with its report; not to be written to."""
    assert write_report(plain_sweep) == plain_sweep / "report" / "index.html"
    return plain_sweep


def test_everything_is_there(reported):
    folder = reported
    files = {p.name for p in (folder / "report").iterdir()}
    figures = {f"{name}.{kind}" for name in FIGURES for kind in ("svg", "png")}
    assert files == {"index.html", "report.md", "report.json", "tables", *figures}
    assert {path.stem for path in (folder / "report" / "tables").iterdir()} == TABLES
    assert (folder / "results.csv").is_file()
    assert (folder / "timing.csv").is_file()
    page = Page(folder)
    assert page.headings == [
        "What this does not show",
        "Was it fair?",
        "How sure is that?",
        "Tuning",
        "Would more trials have helped?",
        "Learning curves",
        "What it cost",
        "The control",
        "Certificates",
        "What was read",
        "Plan and outcome",
        "Every run",
        "Provenance",
        "How to read this",
        "How to reproduce it",
    ]
    assert "rope beats learned: its test loss is lower by" in page.text
    assert "88 % of the workers’ time was training and evaluation" in page.text
    assert page.tags.count("svg") == len(FIGURES)
    assert "not finished" in page.text  # sinusoidal is undecided after 4 of 8 seeds


def test_the_page_needs_nothing_else(reported):
    folder = reported
    page = Page(folder)
    assert "link" not in page.tags
    assert {link[1:] for link in page.links if link.startswith("#")} <= {*page.ids}
    assert len(page.ids) == len({*page.ids})
    assert page.packages == []  # none lies there, so none is linked
    assert not re.search(r"@import|url\((?!#)|<img|<iframe", page.source)


def test_one_script_is_allowed_and_no_other(reported):
    page = Page(reported)
    (script,) = page.scripts
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page.source)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert not re.search(r"\son\w+=", page.source.replace(script, ""))


def test_every_table_is_a_file_of_raw_values(reported):
    found = json.loads((reported / "report" / "report.json").read_text())["tables"]
    for name, rows in found.items():
        with (reported / "report" / "tables" / f"{name}.csv").open(newline="") as file:
            header, *lines = csv.reader(file)
        assert header == list(rows[0])
        for line, row in zip(lines, rows, strict=True):
            for cell, value in zip(line, row.values(), strict=True):
                if isinstance(value, float):
                    assert float(cell) == value
                else:
                    assert cell == ("" if value is None else str(value))


def test_the_markdown_says_the_same(reported):
    folder = reported
    text = (folder / "report" / "report.md").read_text()
    assert text.startswith("# Which position encoding is best at this scale?\n")
    assert "rope beats learned: its test loss is lower by" in text
    pictures = re.findall(r"\]\((\S+\.png)\)", text)
    assert pictures == [f"{name}.png" for name in FIGURES]
    titles = re.findall(r"^## (.*)$", text, flags=re.MULTILINE)
    assert titles == Page(folder).headings
    assert all((folder / "report" / name).is_file() for name in pictures)
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_the_json_is_complete(reported):
    folder = reported
    found = json.loads((folder / "report" / "report.json").read_text())
    assert [v["variant"] for v in found["verdicts"]] == ["sinusoidal", "rope"]
    assert found["verdicts"][1]["kind"] == "decided"
    assert len(found["verdicts"][1]["differences"]) == 4
    assert found["useful_share"] == pytest.approx(0.88, abs=0.01)
    assert {*found["tables"]} == TABLES
    (source,) = found["data"]["sources"]
    assert source["corpus_digest"] == "c0" * 32  # whole here, its beginning in the text
    assert found["data"]["says"][0].startswith("The corpus is python-docs (digest c0c0c0c0c0c0)")
    assert found["question"] == "Which position encoding is best at this scale?"


def test_equal_results_give_equal_bytes(reported, make_sweep):
    again = make_sweep()
    write_report(again)
    files = [path.relative_to(again) for path in again.rglob("*") if path.is_file()]
    different = {
        str(name) for name in files if (again / name).read_bytes() != (reported / name).read_bytes()
    }
    assert len(files) > 90
    assert different == set()  # wherever the folder lies


def test_hostile_texts_stay_texts(make_sweep, asking):
    asked = asking(question=f"Is {EVIL} best?")
    lost = {("confirm", "rope", 2): "failed"}
    folder = make_sweep(asked=asked, lost=lost, error=f"Error: {EVIL}")
    plan = json.loads((folder / "plan.json").read_text())
    (folder / "plan.json").write_text(json.dumps({**plan, "rule": EVIL}))
    result = next(folder.glob("runs/learned-1-*/result.json"))
    changed = json.loads(result.read_text())
    changed["provenance"] = {f"{EVIL}": EVIL}
    result.write_text(json.dumps(changed))
    write_report(folder)
    page = Page(folder)
    assert len(page.scripts) == 1
    assert page.text.count(EVIL) >= 4  # title, heading, rule, error, provenance
    markdown = (folder / "report" / "report.md").read_text()
    assert "<script" not in markdown
    assert "| `code`" not in markdown


def test_what_went_wrong_is_told(make_sweep):
    lost = {("confirm", "rope", 2): "diverged", ("tune", "learned", 0): "failed"}
    folder = make_sweep(lost=lost, error="RuntimeError: no space left")
    write_report(folder)
    text = Page(folder).text
    assert "rope against learned is unstable: 1 of rope's 4 runs diverged (seed 2)" in text
    assert "Runs that did not end well" in text
    assert "RuntimeError: no space left" in text


def test_a_sweep_that_has_only_begun(make_sweep):
    folder = make_sweep(seeds=dict.fromkeys(("learned", "sinusoidal", "rope"), 0))
    write_report(folder)
    page = Page(folder)
    assert "This sweep is not finished" in page.text
    assert "rope has not been compared with learned" in page.text
    assert not (folder / "report" / "differences.png").exists()
    assert (folder / "report" / "tuning.png").exists()


def test_a_figure_that_has_gone_is_removed(make_sweep):
    folder = make_sweep()
    for name in ("differences.png", "curves.svg", "tables/comparisons.csv", "tables/other.csv"):
        (folder / "report" / "tables").mkdir(parents=True, exist_ok=True)
        (folder / "report" / name).touch()
    for path in folder.glob("runs/*/order.json"):
        if json.loads(path.read_text())["labels"]["phase"] == "confirm":
            for file in path.parent.iterdir():
                file.unlink()
    write_report(folder)
    assert not (folder / "report" / "differences.png").exists()
    assert not (folder / "report" / "curves.svg").exists()
    assert not (folder / "report" / "tables" / "comparisons.csv").exists()
    assert not (folder / "report" / "tables" / "other.csv").exists()
    assert (folder / "report" / "tables" / "runs.csv").exists()


@pytest.mark.parametrize(
    "parts",
    [
        {"tune": None},
        {"confirm": None},
        {"tune": None, "confirm": None},
        {"tune": None, "baseline": None, "variants": {"base": {}}},
        {"tune": None, "confirm": {"test": "fixed", "max_seeds": 2}},
    ],
)
def test_every_kind_of_question_has_a_report(make_sweep, asking, parts):
    folder = make_sweep(asked=asking(**parts), loss={
        "base": 1.9, "learned": 2.13, "sinusoidal": 2.128, "rope": 1.896
    })  # fmt: skip
    write_report(folder)
    page = Page(folder)
    assert len(page.headings) >= 6
    assert "nan" not in page.text.lower().split()
    assert "None" not in page.text.split()
    if "baseline" in parts:
        assert "base reaches 1.9" in page.text
        assert "Was it fair?" not in page.headings
