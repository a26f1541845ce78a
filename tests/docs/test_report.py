"""What docs/report.md says is so: every field, table and path is there, and no other."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import lab
from lab.config.base import Strict
from lab.report import schema
from lab.report.pages.outline import of_comparison, of_search
from lab.report.pages.sections import Outline

ROOT = Path(lab.__file__).parents[1]
PAGE = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
FENCES = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
NAMED = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL))
MODELS = [
    schema.ReportFile,
    schema.VerdictEntry,
    schema.SearchEntry,
    schema.TrialEntry,
    schema.DataEntry,
    schema.FigureEntry,
    schema.AcrossFile,
    schema.SweepEntry,
]


def rows(heading: str) -> list[list[str]]:
    """The first cells of each table whose first heading this is, one list a table."""
    tables = re.findall(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [[line.split("|")[1].strip(" `") for line in table.splitlines()] for table in tables]


def test_every_field_has_its_row_and_every_row_its_field() -> None:
    fields = [[f.alias or name for name, f in model.model_fields.items()] for model in MODELS]
    assert rows("field") == fields


@pytest.mark.parametrize("model", MODELS)
def test_descriptions_are_those_of_the_schema(model: type[Strict]) -> None:
    for field in model.model_fields.values():
        assert f"| {field.description} |" in PAGE


def test_every_table_of_a_report_is_described() -> None:
    def items(outline: "tuple[Outline, ...] | list[str | Outline]") -> set[str]:
        inner = [items([*each.items]) for each in outline if isinstance(each, Outline)]
        return {each for each in outline if isinstance(each, str)}.union(*inner)

    asked = items(of_comparison(compares=True)) | items(of_search(front=True))
    tables = {name.split()[1] for name in asked if name.startswith("table ")}
    (described,) = rows("table")
    assert set(described) == tables
    assert len(described) == len(tables)


@pytest.mark.parametrize(
    "path", sorted({n for n in NAMED if re.match(r"(lab|configs|scripts|docs|tests)/", n)})
)
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_schema_is_printed() -> None:
    (command,) = [text for kind, text in FENCES if "model_json_schema" in text]
    code = re.fullmatch(r'python -c "(.*)"\n', command)
    assert code is not None
    done = subprocess.run(
        [sys.executable, "-c", code[1]], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert '"useful_share"' in done.stdout


def test_every_method_of_a_sweep_exists() -> None:
    from lab import Sweep

    (code,) = [text for kind, text in FENCES if kind == "python"]
    names = re.findall(r"^sweep\.(\w+)\(", code, re.MULTILINE)
    assert len(names) == 7
    assert all(callable(getattr(Sweep, name)) for name in names)
