"""What docs/ray.md says is so: its paths exist, its commands and its YAML parse."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

import lab
from lab.cli import app
from lab.config.launcher import Ray
from lab.sweep.launchers import ray_node

ROOT = Path(lab.__file__).parents[1]
PAGE = (ROOT / "docs/ray.md").read_text(encoding="utf-8")
FENCES = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line for kind, body in FENCES if kind == "sh" for line in body.splitlines()]
SWEEPS = sorted({line for line in COMMANDS if "lab.sweep" in line})
(SHOWN,) = (yaml.safe_load(body)["launcher"] for kind, body in FENCES if kind == "yaml")


def test_the_section_parses_and_names_every_key() -> None:
    config = Ray.parse(SHOWN)
    assert config.address == Ray().address
    assert {*Ray.model_fields} - SHOWN.keys() == {"processes", "sharded"}


@pytest.mark.parametrize("command", SWEEPS)
def test_every_sweep_parses(command: str) -> None:
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "lab.sweep"]
    group = typer.main.get_command(app)
    found: dict[str, Any] = group.commands["sweep"].make_context("lab", words[3:]).params  # type: ignore[attr-defined]
    changes = next(value for value in found.values() if isinstance(value, list | tuple) and value)
    assert "launcher.kind=ray" in changes


def test_the_extra_is_there() -> None:
    assert "pip install 'gpt-lab[ray]'" in COMMANDS
    assert '\nray = ["ray' in (ROOT / "pyproject.toml").read_text()


def test_what_comes_back_does_so_when_it_is_said() -> None:
    assert (ray_node.BEAT, ray_node.SLOW) == (1.0, 5.0)
    assert "back, every second" in PAGE
    assert "back, every five seconds" in PAGE


@pytest.mark.parametrize("path", sorted(set(re.findall(r"tests/[\w./]*\w", PAGE))))
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("link", re.findall(r"\]\((\w+\.md)\)", PAGE))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / "docs" / link).is_file()
