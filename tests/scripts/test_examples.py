"""Every example runs, and says what it promises."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lab
from lab.config.loading import load_sweep
from tests.report.sweeps import Truth, build_sweep

EXAMPLES = Path(lab.__file__).parents[1] / "scripts" / "examples"
NEED_NOTHING = {
    "build_a_model": "94,720 built, 94,720 predicted",
    "forward": "with a cache, apart by",
    "train": "val/bpb",
    "sizes": "124,439,808",
}
NEED_A_PACKAGE = {
    "attention": "attention.png",
    "batch": "alone: the same",
    "generate": "beam search",
    "package": "AutoModelForCausalLM",
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the examples train for themselves, once for all of them."""
    place = tmp_path_factory.mktemp("package")
    code = "import small; print(small.small_package().folder)"
    return Path(run("-c", code, place=place, path=EXAMPLES).splitlines()[-1])


def run(*words: str, place: Path, path: Path | None = None) -> str:
    found = subprocess.run(
        [sys.executable, *words],
        cwd=place,
        env={**os.environ, "TMPDIR": str(place), "PYTHONPATH": str(path or "")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_all_are_tried() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.py")} - {"small"}
    assert names == NEED_NOTHING.keys() | NEED_A_PACKAGE.keys() | {"sweep"}


@pytest.mark.parametrize("name", NEED_NOTHING)
def test_it_runs(name: str, tmp_path: Path) -> None:
    assert NEED_NOTHING[name] in run(str(EXAMPLES / f"{name}.py"), place=tmp_path)


@pytest.mark.parametrize("name", NEED_A_PACKAGE)
def test_it_runs_with_a_package(name: str, package: Path, tmp_path: Path) -> None:
    out = run(str(EXAMPLES / f"{name}.py"), str(package), place=tmp_path)
    assert NEED_A_PACKAGE[name] in out
    if name == "batch":
        assert "alone: other" not in out


def test_it_opens_a_sweep(tmp_path: Path) -> None:
    question = load_sweep("posenc.yaml", overrides=["confirm.twin=false"])
    folder = build_sweep(tmp_path / "posenc", question, Truth())
    out = run(str(EXAMPLES / "sweep.py"), str(folder), place=tmp_path)
    assert "decided: rope beats learned" in out
    tables = re.search(r"^tables: (.*)$", out, re.MULTILINE)
    drawn = re.search(r"^drawn: (.*) in ", out, re.MULTILINE)
    assert tables is not None
    assert drawn is not None
    assert {"comparisons", "results", "fairness"} <= {*tables[1].split(", ")}
    assert {"differences.png", "curves.png"} <= {*drawn[1].split(", ")}
