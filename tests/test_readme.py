"""What the README says is so: its commands parse, its paths exist, its numbers were produced."""

import importlib.util
import itertools
import re
import shlex
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest
import typer.main
from pydantic import TypeAdapter

import lab
from lab.cli import app
from lab.config.checks import variant_faults
from lab.config.launcher import Launcher
from lab.config.loading import load_sweep
from lab.config.model import ModelConfig
from lab.config.pruners import Pruner
from lab.config.samplers import Sampler
from lab.config.sweep import SweepConfig
from lab.config.yaml12 import load_yaml

ROOT = Path(lab.__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCES = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    line.split("#")[0].strip()
    for kind, body in FENCES
    if kind in ("sh", "console")
    for line in body.splitlines()
    if kind == "sh" or line.startswith("$")
]
LAB_COMMANDS = [c.removeprefix("$ ") for c in COMMANDS if "python -m lab." in c]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("update", ROOT / "scripts" / "update_readme.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_commands_to_check() -> None:
    assert len(LAB_COMMANDS) >= 7


@pytest.mark.parametrize("command", LAB_COMMANDS)
def test_every_lab_command_parses(command: str) -> None:
    python, dash_m, module, *words = shlex.split(command.rpartition(" | ")[2])
    assert (python, dash_m) == (".venv/bin/python", "-m")
    name = module.removeprefix("lab.")
    group = typer.main.get_command(app)
    group.commands[name].make_context(name, words)  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", [c for c in LAB_COMMANDS if "lab.sweep" in c])
def test_every_question_and_override_is_valid(command: str) -> None:
    words = shlex.split(command)
    overrides = [b for a, b in itertools.pairwise(words) if a == "--set"]
    if "roppe" not in command:
        load_sweep(words[3], overrides=overrides)


@pytest.mark.parametrize("target", sorted({c.split()[1] for c in COMMANDS if "make" in c.split()}))
def test_every_make_target_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:lab|configs|docs|scripts|tests)/[^`]*)`", README)))
)
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_every_link_and_picture_exists(link: str) -> None:
    assert link.startswith("https://") or (ROOT / link).is_file()


@pytest.mark.parametrize(
    "block", ["result", "question", "length", "known", "search", "mistake", "nanogpt"]
)
def test_every_block_is_what_the_code_wrote(block: str, script: ModuleType) -> None:
    assert script.replaced(README, block, script.blocks()[block]) == README


def test_every_choice_of_model_is_listed() -> None:
    schema = ModelConfig.model_json_schema()["properties"]
    for choice in ("position", "norm", "mlp", "attention"):
        for kind in schema[choice]["discriminator"]["mapping"]:
            row = re.search(rf"`model.{choice}` \|(.*)\|", README)
            assert row is not None
            assert f"`{kind}`" in row[1]
    for placement in schema["norm_placement"]["enum"]:
        assert f"`{placement}`" in README


def test_what_a_search_may_say_is_valid() -> None:
    example = next(body for kind, body in FENCES if kind == "yaml" and body.startswith("tune:"))
    raw = load_sweep("lr.yaml").dump() | load_yaml(example, source="README") | {"confirm": None}
    sweep = SweepConfig.parse(raw)
    assert not variant_faults(sweep)
    assert sweep.tune is not None
    assert SweepConfig.parse(sweep.dump()) == sweep


def test_every_launcher_is_shown_and_valid() -> None:
    lines = re.findall(r"^launcher: (\{[^}]*\})", README, re.MULTILINE)
    launchers = [
        TypeAdapter(Launcher).validate_python(load_yaml(line, source="README")) for line in lines
    ]
    assert {launcher.kind for launcher in launchers} == {"slurm", "ray", "simulated"}


def test_every_sampler_and_pruner_is_listed() -> None:
    for union in (Sampler, Pruner):
        for member in get_args(get_args(union)[0]):
            kind = member.model_fields["kind"].default
            assert f"`{kind}`" in README or f"kind: {kind}" in README


def test_every_command_is_listed() -> None:
    group = typer.main.get_command(app)
    for name in group.commands:  # type: ignore[attr-defined]
        assert f"| `lab {name}" in README


def test_python_example_uses_what_is_public() -> None:
    example = next(body for kind, body in FENCES if kind == "python")
    for name in re.findall(r"from lab import (.*)", example)[0].split(", "):
        assert name in lab.__all__
    from lab.package.read import Package
    from lab.report.collect import Sweep

    for attribute in re.findall(r"package\.(\w+)", example):
        assert attribute in Package.__dataclass_fields__ or hasattr(Package, attribute)
    for attribute in re.findall(r"sweep\.(\w+)\(", example):
        assert hasattr(Sweep, attribute)
