"""What docs/planning.md says is so: its keys are there, its commands are understood."""

import re
import shlex
from pathlib import Path

import typer.main

import lab
from lab.cli import app
from lab.config.launcher import Simulated
from lab.config.loading import load_sweep
from lab.config.yaml12 import load_yaml
from tests.proofs import test_scale

ROOT = Path(lab.__file__).parents[1]
PAGE = (ROOT / "docs/planning.md").read_text(encoding="utf-8")
FENCES = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)


def test_the_defaults_are_what_is_shown() -> None:
    (shown,) = (body for kind, body in FENCES if kind == "yaml")
    asked = load_yaml(shown, source="docs/planning.md")
    assert asked == {"launcher": Simulated().dump()}


def test_the_table_has_every_key() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert {*rows} == Simulated.model_fields.keys() - {"kind"}


def test_the_command_is_understood() -> None:
    (command,) = (
        words for kind, body in FENCES if kind == "sh" and "lab.sweep" in body
        for words in [shlex.split(body)[3:]]
    )  # fmt: skip
    sweep = typer.main.get_command(app).commands["sweep"]  # type: ignore[attr-defined]
    asked = sweep.make_context("sweep", command).params
    question = load_sweep(ROOT / "configs" / asked["config"], overrides=asked["sets"])
    assert isinstance(question.launcher, Simulated)
    assert question.launcher.seconds.median == 600


def test_the_limits_are_those_of_the_proof() -> None:
    text = " ".join(PAGE.split())
    assert f"under {test_scale.GIB} GiB" in text
    assert f"least {test_scale.BUSY:.0%}".replace("%", " %") in text
