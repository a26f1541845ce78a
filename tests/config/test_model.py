"""Matching, counts and the digest of configs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.digest import run_digest
from lab.config.loading import load_run
from lab.config.model import GeluMLP, ModelConfig, SwigluMLP


@settings(deadline=None, max_examples=60, database=None)
@given(d_model=st.integers(8, 2048), bias=st.booleans())
def test_swiglu_matches_gelu_as_nearly_as_a_whole_width_allows(d_model: int, bias: bool) -> None:
    plain = GeluMLP().n_params(d_model=d_model, bias=bias)
    gated = SwigluMLP()
    width = gated.width(d_model=d_model, bias=bias)
    gap = abs(gated.n_params(d_model=d_model, bias=bias) - plain)
    for other in (width - 1, width + 1):
        assert gap <= abs(SwigluMLP(d_ff=other).n_params(d_model=d_model, bias=bias) - plain)


def test_a_free_width_is_kept() -> None:
    config = ModelConfig(n_layers=1, n_heads=1, d_model=64, max_seq_len=8, mlp=SwigluMLP(d_ff=99))
    assert config.d_ff == 99


DETERMINES = ["model.n_layers=3", "train.steps=500", "seed=1", "data.tokenizer={kind: bpe}"]
DOES_NOT = [
    "device=cpu",
    "tracking.wandb.mode=disabled",
    "tracking.samples.every=2",
    "train.checkpoint_every=7",
]


def digest_of(*overrides: str, corpus: str = "c") -> str:
    return run_digest(load_run("posenc.yaml", overrides=overrides), corpus_digest=corpus)


@pytest.mark.parametrize("change", DETERMINES)
def test_the_digest_covers_what_determines_the_numbers(change: str) -> None:
    assert digest_of(change) != digest_of()


@pytest.mark.parametrize("change", DOES_NOT)
def test_the_digest_leaves_out_the_rest(change: str) -> None:
    assert digest_of(change) == digest_of()


def test_the_digest_covers_the_text() -> None:
    assert digest_of(corpus="a") != digest_of(corpus="b")


def test_a_default_and_its_spelling_out_are_one_run() -> None:
    assert digest_of("train.clip_norm=1.0", "model.dropout=0") == digest_of()
