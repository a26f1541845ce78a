"""What docs/slurm.md says is so: its paths exist, its commands and its YAML parse."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

import lab
from lab.cli import app
from lab.config.launcher import Slurm

ROOT = Path(lab.__file__).parents[1]
PAGE = (ROOT / "docs/slurm.md").read_text(encoding="utf-8")
FENCES = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line for kind, body in FENCES if kind == "sh" for line in body.splitlines()]
SWEEPS = sorted({line for line in COMMANDS if "lab.sweep" in line})
(SHOWN,) = (yaml.safe_load(body)["launcher"] for kind, body in FENCES if kind == "yaml")


def test_the_section_parses_and_says_the_defaults() -> None:
    config, usual = Slurm.parse(SHOWN), Slurm()
    for name in ("gpus", "jobs", "runs_a_job", "fill", "notice", "silence"):
        assert getattr(config, name) == getattr(usual, name)
    assert {*Slurm.model_fields} - SHOWN.keys() == {"processes", "sharded"}


@pytest.mark.parametrize("command", SWEEPS)
def test_every_sweep_parses(command: str) -> None:
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "lab.sweep"]
    group = typer.main.get_command(app)
    found: dict[str, Any] = group.commands["sweep"].make_context("lab", words[3:]).params  # type: ignore[attr-defined]
    assert ["launcher.kind=slurm"] in found.values()


@pytest.mark.parametrize("path", sorted(set(re.findall(r"(?:scripts|tests)/[\w./]*\w", PAGE))))
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("link", re.findall(r"\]\((\w+\.md)\)", PAGE))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / "docs" / link).is_file()


def test_the_script_knows_every_word() -> None:
    script = (ROOT / "scripts/slurm/cluster.sh").read_text()
    for word in re.findall(r"cluster\.sh ([\w-]+)", PAGE):
        assert f"\n{word})" in script
