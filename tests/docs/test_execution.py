"""What docs/execution.md says is so: its kinds and keys are there, its numbers are the code's."""

import re
import shlex
from pathlib import Path
from typing import get_args

import typer.main

import lab
from lab.cli import app
from lab.config.compiling import SAVED, START_UP
from lab.config.execution import Execution
from lab.config.loading import load_sweep
from lab.config.sweep import SweepConfig
from lab.config.yaml12 import load_yaml
from lab.sweep.quickest import GAIN, MOST

ROOT = Path(lab.__file__).parents[1]
PAGE = (ROOT / "docs/execution.md").read_text(encoding="utf-8")
FENCES = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)


def test_the_default_is_what_is_shown() -> None:
    (shown,) = (body for kind, body in FENCES if kind == "yaml")
    asked = load_yaml(shown, source="docs/execution.md")
    assert asked == {"execution": SweepConfig.model_fields["execution"].default.dump()}


def test_the_table_has_every_kind_with_its_keys() -> None:
    members = get_args(get_args(Execution)[0])
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", PAGE, re.MULTILINE)
    assert [kind for kind, _ in rows] == [m.model_fields["kind"].default for m in members]
    for (_, told), member in zip(rows, members, strict=True):
        assert set(re.findall(r"`(\w+)`:", told)) == member.model_fields.keys() - {"kind"}


def test_every_command_parses_and_every_override_is_valid() -> None:
    commands = [line for kind, body in FENCES if kind == "sh" for line in body.splitlines()]
    for command in commands:
        _, _, module, *words = shlex.split(command)
        group = typer.main.get_command(app)
        group.commands[module.removeprefix("lab.")].make_context("lab", [*words])  # type: ignore[attr-defined]
        load_sweep(words[0], overrides=[words[words.index("--set") + 1]])


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"by more than {round(100 * (GAIN - 1))} %" in PAGE
    assert f"up to {MOST['cpu']} on a CPU, {MOST['cuda']} on a GPU" in PAGE


def test_a_run_is_compiled_where_the_page_says() -> None:
    minutes = {device: 2 * START_UP[device] / SAVED[device] / 60 for device in SAVED}
    assert f"{minutes['cpu']:.0f} minutes on a CPU" in PAGE
    assert f"{minutes['cuda']:.0f} minutes on a GPU" in PAGE


def test_the_keys_of_a_step_are_those_of_the_config() -> None:
    rows = re.findall(r"^\| `train\.(\w+): (\w+)` \|", PAGE, re.MULTILINE)
    assert [name for name, _ in rows] == ["precision", "compile"]
    for name, value in rows:
        load_sweep("posenc.yaml", overrides=[f"train.{name}={value}"])
