"""What docs/models.md says is so: every path and choice exists, and every choice is described."""

import re
import shlex
from pathlib import Path
from typing import Any, get_args

import pytest

import lab
from lab.cli import main
from lab.config.loading import load_size
from lab.config.mlp import GeluMLP, SwigluMLP
from lab.config.model import ModelConfig
from lab.config.norm import Placement
from lab.config.position import NtkScaling, RopePosition
from lab.config.yaml12 import load_yaml

ROOT = Path(lab.__file__).parents[1]
PAGE = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
TEXT, SOURCES = PAGE.split("## Sources")
FENCES = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
NAMED = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL))
CITED = r"((?:[A-Z]\w+ and )?[A-Z]\w+(?: et al\.| Team)? (?:19|20)\d\d)"


def kinds(schema: dict[str, Any], choice: str) -> list[str]:
    return [*schema["properties"][choice]["discriminator"]["mapping"]]


MODEL = ModelConfig.model_json_schema()
CHOICES = {name: kinds(MODEL, name) for name in ("norm", "attention", "position", "mlp")}
CHOICES["scaling"] = kinds(RopePosition.model_json_schema(), "scaling")
CHOICES["norm_placement"] = [*get_args(Placement)]


def rows(choice: str) -> list[str]:
    """The first cells of the table whose first heading is a choice."""
    table = re.search(rf"^\| `{choice}` \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert table is not None, choice
    return [line.split("|")[1].strip(" `") for line in table[1].splitlines()]


@pytest.mark.parametrize("choice", CHOICES)
def test_every_kind_has_its_row_and_every_row_its_kind(choice: str) -> None:
    assert sorted(rows(choice)) == sorted(CHOICES[choice])


def test_every_setting_is_named() -> None:
    settings = {name.partition(":")[0] for name in NAMED}
    for model in (MODEL, *MODEL["$defs"].values()):
        for name in model["properties"]:
            assert name == "kind" or name in settings, name


@pytest.mark.parametrize(
    "path", sorted({n for n in NAMED if re.match(r"(lab|configs|scripts|docs|tests)/", n)})
)
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_part_of_the_model_is_named() -> None:
    private = {"__init__.py", "linear.py"}
    for file in (ROOT / "lab" / "model").glob("*.py"):
        assert file.name in private or f"`lab/model/{file.name}`" in PAGE, file


def test_every_source_is_listed_and_cited() -> None:
    cited = set(re.findall(CITED, " ".join(TEXT.split())))
    listed = set(re.findall(rf"^- {CITED}", SOURCES, re.MULTILINE))
    assert cited == listed


def test_the_example_is_a_model() -> None:
    example = next(body for kind, body in FENCES if kind == "yaml")
    raw = load_yaml(example, source="docs/models.md")["model"]
    assert ModelConfig.parse(raw).mlp.kind == "swiglu"
    required = ("n_layers", "n_heads", "d_model", "max_seq_len")
    default = ModelConfig.parse({name: raw[name] for name in required})
    gpt2 = load_size("gpt2-small-no-bias").model.replaced({"mlp.approximate": "none"})
    assert default.replaced({name: getattr(gpt2, name) for name in required}) == gpt2


@pytest.mark.parametrize(
    "command",
    [
        line.split("#")[0].strip()
        for kind, body in FENCES
        if kind == "sh"
        for line in body.splitlines()
    ],
)
def test_every_command_works(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    python, dash_m, module, *words = shlex.split(command)
    assert (python, dash_m) == ("python", "-m")
    assert main([module.removeprefix("lab."), *words]) == 0
    assert "gpt2-small" in capsys.readouterr().out


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("d", [48, 100, 768])
def test_the_formula_of_the_matched_width(d: int, bias: bool) -> None:
    width = round((8 * d * d + 4 * bias * d) / (3 * d + 2 * bias))
    assert SwigluMLP().width(d_model=d, bias=bias) == width
    assert GeluMLP().width(d_model=d, bias=bias) == 4 * d


def test_the_formula_of_flops() -> None:
    size = load_size("small")
    c, vocab = size.model, size.vocab_size
    weights = c.n_layers * (4 * c.d_model**2 + 3 * c.d_model * c.d_ff)
    flops = 2 * (weights + 2 * c.n_layers * c.max_seq_len * c.d_model + vocab * c.d_model)
    assert c.forward_flops_per_token(vocab) == flops
    assert c.flops_per_token(vocab) == 3 * flops


def test_the_formula_of_ntk() -> None:
    theta, r, s = 10_000.0, 16, 4.0
    scaled, stretch = NtkScaling(factor=s).frequency(theta, r)
    assert stretch == 1
    slowest = -(r - 2) / r
    assert scaled**slowest * s == pytest.approx(theta**slowest)
