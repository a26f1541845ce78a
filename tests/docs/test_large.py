"""What docs/large.md says is so: its paths exist, its commands and options parse, its keys are."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

import lab
from lab.cli import app
from lab.config.run import RunConfig

ROOT = Path(lab.__file__).parents[1]
PAGE = (ROOT / "docs/large.md").read_text(encoding="utf-8")
FENCES = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line for kind, body in FENCES if kind == "sh" for line in body.splitlines()]
KEYS = re.findall(r"`((?:train|tracking)\.[\w.]+)(?:: (\w+))?`", PAGE)


def parsed(*words: str) -> dict[str, Any]:
    group = typer.main.get_command(app)
    context = group.commands["train"].make_context("lab", list(words))  # type: ignore[attr-defined]
    found: dict[str, Any] = context.params
    return found


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:lab|docs|tests)/[^` ]*)`", PAGE))))
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_parses(command: str) -> None:
    words = shlex.split(command)
    assert words[0] == "torchrun"
    module = words.index("lab.train")
    assert words[module - 1] == "-m"
    assert parsed(*words[module + 1 :])["sharded"] == ("--sharded" in words)


def test_every_option_is_there() -> None:
    options = set(re.findall(r"`--([a-z]+)`", PAGE))
    assert options == {"sharded", "keep", "threads"} <= parsed("run.yaml").keys()


@pytest.mark.parametrize(("key", "value"), KEYS)
def test_every_key_takes_the_value_that_is_shown(
    tiny_run: dict[str, Any], key: str, value: str
) -> None:
    shown = {"true": True, "0": 0, "": 2}[value]
    assert RunConfig.parse(tiny_run).replaced({key: shown})
