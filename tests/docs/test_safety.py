"""What docs/safety.md says is so: its paths exist, its commands parse, its keys are defaults."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main

import lab
from lab.cli import app
from lab.config.sweep import SweepConfig
from lab.config.yaml12 import load_yaml

ROOT = Path(lab.__file__).parents[1]
PAGE = (ROOT / "docs/safety.md").read_text(encoding="utf-8")
FENCES = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line for kind, body in FENCES if kind == "sh" for line in body.splitlines()]


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:lab|configs|docs|scripts|tests)/[^` ]*)`", PAGE)))
)
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("command", [c for c in COMMANDS if " -m lab." in c])
def test_every_command_parses(command: str) -> None:
    _, _, module, *words = shlex.split(command)
    group = typer.main.get_command(app)
    group.commands[module.removeprefix("lab.")].make_context("lab", words)  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.split()[1].startswith("scripts/")])
def test_every_script_exists(command: str) -> None:
    assert (ROOT / shlex.split(command)[1]).is_file()


def test_the_keys_have_the_values_that_are_shown() -> None:
    shown = next(body for kind, body in FENCES if kind == "yaml")
    for name, value in load_yaml(shown, source="docs/safety.md").items():
        assert SweepConfig.model_fields[name].default == value


def test_the_outcome_of_the_chaos_is_what_was_printed() -> None:
    printed = (ROOT / "docs/safety/chaos.txt").read_text(encoding="utf-8")
    block = re.search(r"<!-- chaos: begin -->\n(.*)<!-- chaos: end -->", PAGE, re.DOTALL)
    assert block is not None
    assert block[1] == f"```text\n{printed}```\n"
