"""Every member of the family is certified, as it is; no sensible config is refused by chance."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.certify.certificate import (
    Certificate,
    Check,
    Finding,
    all_of,
    at_least,
    at_most,
    number,
    proved,
    worst,
)
from lab.certify.certify import certify, checks_of
from lab.certify.many import certify_models
from lab.config.loading import load_size
from lab.config.model import ModelConfig
from lab.model.gpt import GPT
from tests.model.configs import ATTENTIONS, PLACEMENTS, VOCAB, config_of, model_configs

REST: dict[str, dict[str, Any]] = {
    "biases": {"bias": True},
    "biases of attention alone": {"attention": {"kind": "multi-query", "bias": True}},
    "untied": {"tie_embeddings": False},
    "dropout": {"dropout": 0.1},
    "capped": {"logit_cap": 5.0},
    "one layer, one head": {"n_layers": 1, "n_heads": 1},
    "12 heads in 4 groups": {
        "n_heads": 12,
        "d_model": 48,
        "position": {"kind": "alibi"},
        "attention": {"kind": "grouped-query", "n_kv_heads": 4, "window": 3},
    },
    **{f"{name} norms": {"norm_placement": name, "bias": True} for name in PLACEMENTS},
    **{name: {"attention": attention} for name, attention in ATTENTIONS.items()},
}


def test_every_position_norm_and_mlp(family: dict[str, Any]) -> None:
    assert certify(config_of(**family), vocab_size=VOCAB).failed == []


@pytest.mark.parametrize("name", REST)
def test_all_the_rest(name: str) -> None:
    assert certify(config_of(**REST[name]), vocab_size=VOCAB).failed == []


@settings(deadline=None, max_examples=10, database=None)
@given(
    config=model_configs(dropout=True),
    eps=st.sampled_from([1e-12, 1e-5, 1.0]),
    cap=st.sampled_from([None, 1e-3, 1e4]),
)
def test_any_config(config: ModelConfig, eps: float, cap: float | None) -> None:
    """Numbers that hide what a part does, by their size, hide nothing from a certificate."""
    config = config.replaced({"norm.eps": eps, "logit_cap": cap})
    assert certify(config, vocab_size=VOCAB).failed == []


def test_the_largest_gpt_2() -> None:
    size = load_size("gpt2-xl")
    checks = {c.name: c for c in certify(size.model, vocab_size=size.vocab_size).checks}
    assert all(check.passed for check in checks.values())
    assert checks["parameters"].detail == "1,557,611,200, as predicted"


def test_only_what_a_config_claims_is_checked() -> None:
    def of(**choices: Any) -> set[str]:
        return {name for name, _ in checks_of(config_of(**choices))}

    rope, alibi = of(position={"kind": "rope"}), of(position={"kind": "alibi"})
    assert rope - alibi == {"position: angles"}
    assert alibi - rope == {"position: slopes"}
    assert of(dropout=0.1) - of() == {"dropout: off in evaluation"}
    gated = {"kind": "swiglu"}
    assert of(mlp=gated) - of(mlp=gated | {"d_ff": 40}) == {"MLP: as large as a plain one"}


def test_a_model_that_cannot_be_built_fails_with_its_reason() -> None:
    def build(config: ModelConfig, vocab_size: int) -> GPT:
        raise RuntimeError("no such\nmodel")

    certificate = certify(config_of(), vocab_size=VOCAB, build=build)
    assert not certificate.passed
    assert certificate.failed == list(certificate.checks)
    assert {check.detail for check in certificate.checks} == {"RuntimeError: no such model"}


def test_the_same_every_time() -> None:
    models = [(config_of(), VOCAB), (config_of(position={"kind": "rope"}), VOCAB)]
    assert certify_models(models) == certify_models(models)


def test_a_number_beside_its_bound() -> None:
    assert at_most("off by", 2.21e-15) == Finding(True, "off by 2.2e-15 ≤ 1e-9")
    assert at_most("off by", 0.31) == Finding(False, "off by 0.31 > 1e-9")
    assert at_most("off by", 0.0, 0.0) == Finding(True, "off by 0")
    assert at_least("moves", 0.5) == Finding(True, "moves 0.5 ≥ 1e-8")
    assert at_least("moves", 0.0) == Finding(False, "moves 0 < 1e-8")
    assert number(1e20) == "1e20"


def test_what_is_no_number_is_within_no_bound() -> None:
    nan = float("nan")
    assert not at_most("off by", nan).passed
    assert not at_least("moves", nan).passed
    assert str(worst([1.0, nan, 2.0])) == "nan"


def test_what_failed_is_said_alone() -> None:
    good, bad = Finding(True, "good"), Finding(False, "bad")
    assert all_of(good, good) == Finding(True, "good; good")
    assert all_of(good, bad) == Finding(False, "bad")


def test_checks_of_several_models_side_by_side() -> None:
    def of(variant: str, **checks: bool) -> dict[str, Any]:
        made = Certificate([Check(name, passed, "") for name, passed in checks.items()])
        return {"variant": variant, "checks": [check.dump() for check in made.checks]}

    found = proved([
        of("one", a=True, c=True),
        of("two", a=True, b=True, c=True),
        of("two", a=True, b=False, c=True, d=True),
    ])  # fmt: skip
    assert list(found) == ["a", "b", "c", "d"]
    assert found["a"] == {"one": True, "two": True}
    assert found["b"] == {"two": False}


class SaysNothingOfPadding(GPT):
    def forward(self, ids: Any, mask: Any = None) -> Any:
        logits = super().forward(ids, mask)
        return logits if mask is None else logits * float("nan")


class SaysNothingFromACache(GPT):
    def read(self, ids: Any, cache: Any, mask: Any = None) -> Any:
        return super().read(ids, cache, mask) * float("nan")


@pytest.mark.parametrize(
    ("build", "names"),
    [
        (SaysNothingOfPadding, {"causality", "padding: changes nothing"}),
        (
            SaysNothingFromACache,
            {"causality", "padding: changes nothing", "cache: equals the whole pass"},
        ),
    ],
)
def test_no_number_is_no_proof(build: type[GPT], names: set[str]) -> None:
    failed = certify(config_of(), vocab_size=VOCAB, build=build).failed
    assert names <= {check.name for check in failed}
