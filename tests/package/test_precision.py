"""Packages in other precisions, against float32 and against rounding done here."""

import logging
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lab.errors import ConfigError
from lab.model.gpt import GPT
from lab.model.linear import Projection
from lab.package.precision import converted
from lab.package.read import Package, load_package
from tests.package.conftest import TEXT, Parts

VARIANTS: dict[str, dict[str, Any]] = {
    "gpt": {"bias": True, "d_model": 64, "n_heads": 4},
    "llama": {
        "d_model": 48,
        "n_heads": 3,
        "position": {"kind": "rope"},
        "norm": {"kind": "rmsnorm"},
        "mlp": {"kind": "swiglu"},
        "attention": {"kind": "multi-query", "qk_norm": True},
        "tie_embeddings": False,
    },
}
IDS = torch.arange(24).reshape(2, 12)


@pytest.fixture(scope="module")
def write(
    make_parts: Callable[..., Parts], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[dict[str, Any]], Path]:
    """A package of a model that has learned its text, trained for half a second."""

    def trained(settings: dict[str, Any]) -> Path:
        parts = make_parts(init_std=0.1, **settings)
        ids = torch.tensor(parts.tokenizer.encode("".join(TEXT)))
        windows = ids.unfold(0, parts.config.model.max_seq_len + 1, 1)[:66:2]
        optimizer = torch.optim.AdamW(parts.model.parameters(), lr=3e-3)
        for _ in range(60):
            logits = parts.model(windows[:, :-1])
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert loss < 0.1
        return parts.write(tmp_path_factory.mktemp("precision") / "run")

    return trained


@pytest.fixture(scope="module", params=VARIANTS)
def folder(request: pytest.FixtureRequest, write: Callable[[dict[str, Any]], Path]) -> Path:
    return write(VARIANTS[request.param])


@torch.inference_mode()
def logits_of(model: GPT) -> Tensor:
    return model(IDS).double()


def relative_error(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


def test_wider_and_narrower_floats(folder: Path) -> None:
    exact = logits_of(load_package(folder, dtype="float64").model)
    for dtype, bits in (("float32", 24), ("bfloat16", 8)):
        package = load_package(folder, dtype=dtype)  # type: ignore[arg-type]
        assert {p.dtype for p in package.model.parameters()} == {getattr(torch, dtype)}
        # a dozen roundings of up to half a unit follow one another; they hardly ever conspire
        assert relative_error(logits_of(package.model), exact) < 12 * 2.0**-bits
        assert package.generate("The cat", max_new_tokens=20, temperature=0).startswith(" sat on")


class TestInt8:
    def test_a_weight_is_off_by_half_a_step_at_most(self, folder: Path) -> None:
        """A step is a 255th of a row's range; and the model is that of the rounded weights."""
        found, rounded = load_package(folder, dtype="int8").model, load_package(folder).model
        for int8, module in zip(projections(found), projections(rounded), strict=True):
            weight = module.weight.detach()
            quantised = int8.weight.dequantize()  # type: ignore[operator]
            step = 2 * weight.abs().amax(1, keepdim=True) / 255
            assert ((quantised - weight).abs() <= 0.501 * step).all()
            assert len((quantised / step).round().unique()) > 100  # and uses the whole range
            weight.copy_(quantised)
        assert relative_error(logits_of(found), logits_of(rounded)) < 1e-5

    def test_logits_stay_close(self, folder: Path) -> None:
        """A weight is off by step / sqrt(12) on average and a step is max|row| / 127.5, so a
        product is off by 0.7 % where the largest of a row is three times its average. Two layers
        have eight products, whose errors add like a random walk: 2 %.
        """
        int8, float32 = (load_package(folder, dtype=d).model for d in ("int8", "float32"))
        error = relative_error(logits_of(int8), logits_of(float32))
        assert 1e-5 < error < 0.02

    def test_writes_what_float32_writes(self, folder: Path) -> None:
        int8, float32 = (load_package(folder, dtype=d) for d in ("int8", "float32"))
        texts = [p.generate("The cat", max_new_tokens=40, temperature=0) for p in (int8, float32)]
        assert sum(a == b for a, b in zip(*texts, strict=False)) >= 36
        drawn = [int8.generate("The", max_new_tokens=9, seed=3) for _ in range(2)]
        assert drawn[0] == drawn[1]

    def test_a_weight_is_one_byte_and_a_row_five_more(self, folder: Path) -> None:
        model = load_package(folder, dtype="int8").model
        quantised = list(projections(model))
        names = {name.rpartition(".")[2] for name, m in model.named_modules() if m in quantised}
        tied = model.config.tie_embeddings
        assert ("head" in names) == (not tied)
        assert {"qkv_proj", "o_proj", "down_proj"} < names
        assert (model.head.weight is model.embedding.weight) == tied
        rest = sum(p.nbytes for p in model.parameters() if type(p) is nn.Parameter)
        rows = sum(len(m.weight) for m in quantised)
        weights = sum(m.weight.numel() for m in quantised)
        assert stored_bytes(model) == weights + (4 + 1) * rows + rest  # a scale and a zero point
        assert stored_bytes(model) < 0.5 * 4 * model.config.n_params(model.vocab_size)

    def test_the_cache_gives_what_forward_gives(self, folder: Path) -> None:
        model = load_package(folder, dtype="int8").model
        cache = model.cache(rows=2, capacity=12)
        with torch.inference_mode():
            states = [model.read(IDS[:, a:b], cache) for a, b in ((0, 7), (7, 8), (8, 12))]
            found = model.logits(torch.cat(states, 1))
        torch.testing.assert_close(found.double(), logits_of(model), rtol=0, atol=1e-4)

    def test_nothing_else_is_changed(self, package: Path) -> None:
        before = {file.name: file.read_bytes() for file in package.iterdir()}
        filters, level = list(warnings.filters), logging.getLogger("torchao").level
        loaded = load_package(package, dtype="int8")
        assert {file.name: file.read_bytes() for file in package.iterdir()} == before
        assert (list(warnings.filters), logging.getLogger("torchao").level) == (filters, level)
        assert not any(module.training for module in loaded.model.modules())

    def test_without_torchao(self, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "torchao.quantization", None)
        with pytest.raises(
            ConfigError, match=r"dtype='int8' needs torchao .*: pip install torchao"
        ):
            load_package(package, dtype="int8")
        assert isinstance(load_package(package), Package)


def test_an_unknown_dtype_is_refused(package: Path) -> None:
    with pytest.raises(ConfigError, match=r"no dtype 'flaot64'; did you mean 'float64'\?"):
        load_package(package, dtype="flaot64")  # type: ignore[arg-type]


def test_every_dtype_leaves_a_tied_head_tied(make_parts: Callable[..., Parts]) -> None:
    for dtype in ("float32", "float64", "bfloat16", "int8"):
        model = converted(make_parts().model, dtype)  # type: ignore[arg-type]
        assert model.head.weight is model.embedding.weight


def projections(model: GPT) -> list[Projection]:
    """Those that hold a matrix of their own."""
    own = [m for m in model.modules() if isinstance(m, Projection)]
    return [m for m in own if m.weight is not model.embedding.weight]


def stored_bytes(model: GPT) -> int:
    """Of what a parameter really holds: torch says of a quantised one what it stands for."""
    total = 0
    for parameter in model.parameters():
        parts = getattr(parameter, "__tensor_flatten__", None)
        names = parts()[0] if parts else []
        tensors = [getattr(parameter, name) for name in names] if names else [parameter]
        total += sum(t.untyped_storage().nbytes() for t in tensors)
    return total
