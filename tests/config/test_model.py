"""Counts, conventions and refusals of architectures, and the digest of configs."""

from typing import Any

import pytest
from hypothesis import given, settings

from lab.config.digest import digest, run_digest
from lab.config.loading import load_run
from lab.config.mlp import GeluMLP
from lab.config.model import ModelConfig
from lab.config.position import LearnedPosition
from tests.config.asked import refused_model
from tests.model.configs import FAMILY, config_of, model_configs


@settings(deadline=None, max_examples=100, database=None)
@given(model_configs(dropout=True))
def test_plain_data_and_back(config: ModelConfig) -> None:
    assert ModelConfig.parse(config.dump()) == config


def test_what_is_left_out_is_the_first_gpt2() -> None:
    config = ModelConfig(n_layers=1, n_heads=2, d_model=8, max_seq_len=4)
    assert config.dump() == {
        "n_layers": 1,
        "n_heads": 2,
        "d_model": 8,
        "max_seq_len": 4,
        "position": {"kind": "learned"},
        "norm": {"kind": "layernorm", "eps": 1e-5},
        "norm_placement": "pre",
        "mlp": {"kind": "gelu", "d_ff": None, "approximate": "none"},
        "attention": {
            "kind": "multi-head",
            "window": None,
            "qk_norm": False,
            "bias": None,
            "path": "sdpa",
        },
        "bias": False,
        "tie_embeddings": True,
        "dropout": 0.0,
        "logit_cap": None,
        "init_std": 0.02,
    }


@pytest.mark.parametrize(
    "position",
    [
        {"kind": "learned"},
        {"kind": "sinusoidal", "theta": 10000.0, "amplitude": 0.05},
        {"kind": "rope", "theta": 500.0},
    ],
)
@pytest.mark.parametrize("mlp", ["gelu", "swiglu"])
def test_a_config_of_fewer_choices_is_still_read(position: dict[str, Any], mlp: str) -> None:
    """As a package has it that was written when only position, norm and MLP could be chosen."""
    old = {
        "n_layers": 1,
        "n_heads": 2,
        "d_model": 8,
        "max_seq_len": 4,
        "position": position,
        "norm": {"kind": "rmsnorm", "eps": 1e-06},
        "mlp": {"kind": mlp, "d_ff": 12},
        "bias": True,
        "tie_embeddings": False,
        "dropout": 0.1,
        "init_std": 0.03,
    }
    config = ModelConfig.parse(old)
    dumped = config.dump()
    assert dumped["position"] == position | (
        {"share": 1.0, "scaling": {"kind": "none"}} if position["kind"] == "rope" else {}
    )
    assert {k: v for k, v in dumped["mlp"].items() if k != "approximate"} == old["mlp"]
    assert dumped["mlp"].get("approximate", "none") == "none"
    rest = ("norm", "bias", "tie_embeddings", "dropout", "init_std", "n_layers", "n_heads")
    assert all(dumped[key] == old[key] for key in rest)
    assert dumped["norm_placement"] == "pre"
    assert dumped["attention"]["kind"] == "multi-head"
    assert dumped["logit_cap"] is None


REFUSED = {
    "heads": (
        {"n_heads": 5, "d_model": 32},
        "d_model=32 is not a multiple of n_heads=5; try 30 or 35",
    ),
    "more heads than numbers": (
        {"n_heads": 40, "d_model": 32},
        "d_model=32 is not a multiple of n_heads=40; try 40",
    ),
    "odd sinusoids": (
        {"n_heads": 3, "d_model": 27, "position": {"kind": "sinusoidal"}},
        "sinusoidal positions come in pairs, so d_model must be even, not 27",
    ),
    "negative cap": ({"logit_cap": -1}, "logit_cap: input should be greater than 0; got -1"),
    "no token before": (
        {"max_seq_len": 1},
        "max_seq_len: input should be greater than or equal to 2; got 1",
    ),
    "all dropped": ({"dropout": 1.0}, "dropout: input should be less than 1; got 1.0"),
    "no spread": ({"init_std": 0}, "init_std: input should be greater than 0; got 0"),
    "key": ({"norm_placment": "pre"}, "norm_placment: unknown key; did you mean 'norm_placement'?"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_refused_with_a_reason(name: str) -> None:
    choices, sentence = REFUSED[name]
    assert refused_model(**choices) == sentence


@pytest.mark.parametrize(
    ("choices", "most"),
    [
        ({}, 11),
        ({"attention": {"kind": "multi-head", "window": 4}}, 11),
        ({"position": {"kind": "sinusoidal"}}, 11),
        ({"position": {"kind": "rope"}}, 11),
        ({"position": {"kind": "none"}}, 11),
        ({"position": {"kind": "rope"}, "attention": {"kind": "multi-query", "window": 4}}, None),
        ({"position": {"kind": "none"}, "attention": {"kind": "multi-query", "window": 4}}, None),
        ({"position": {"kind": "alibi"}}, None),
    ],
)
def test_how_far_a_text_may_be_written(choices: dict[str, Any], most: int | None) -> None:
    assert config_of(**choices).max_context == most


def test_where_norms_stand_is_counted() -> None:
    norm = 32  # a LayerNorm without bias
    pre, post, sandwich = (
        config_of(norm_placement=p).n_params(37) for p in ("pre", "post", "sandwich")
    )
    assert pre - post == norm  # the one before the head
    assert sandwich - pre == 2 * 2 * norm
    bare = config_of(mlp={"kind": "none"})
    assert pre - bare.n_params(37) == 2 * (norm + GeluMLP().n_params(d_model=32, bias=False))


def test_tables_are_counted() -> None:
    assert config_of().n_params_embedding(37) == 37 * 32 + 11 * 32
    assert config_of(tie_embeddings=False).n_params_embedding(37) == 2 * 37 * 32 + 11 * 32
    for name, choices in FAMILY.items():
        learned = config_of(**choices).position == LearnedPosition()
        assert config_of(**choices).n_params_embedding(37) == 37 * 32 + learned * 11 * 32, name


def test_a_step_of_training_is_three_passes() -> None:
    """2 FLOPs a weight and token, and scores and values of T keys: 2 x 2 x T x d a layer."""
    config = config_of(attention={"kind": "grouped-query", "n_kv_heads": 2}, mlp={"kind": "none"})
    layer = 2 * 32 * 32 + 2 * 32 * 16 + 2 * 11 * 32
    assert config.flops_per_token(37) == 3 * 2 * (2 * layer + 37 * 32)


DETERMINES = ["model.n_layers=3", "train.steps=500", "seed=1", "data.tokenizer={kind: bpe}"]
DOES_NOT = [
    "device=cpu",
    "tracking.wandb.mode=disabled",
    "tracking.samples.every=2",
    "train.checkpoint_every=7",
    "train.activation_checkpointing=true",
]


def digest_of(*overrides: str, corpus: str = "c") -> str:
    return run_digest(load_run("posenc.yaml", overrides=overrides), corpus_digest=corpus)


@pytest.mark.parametrize("change", DETERMINES)
def test_the_digest_covers_what_determines_the_numbers(change: str) -> None:
    assert digest_of(change) != digest_of()


@pytest.mark.parametrize("change", DOES_NOT)
def test_the_digest_leaves_out_the_rest(change: str) -> None:
    assert digest_of(change) == digest_of()


def test_the_stream_of_initial_values_counts_where_it_is_not_the_usual_one() -> None:
    assert digest_of("init_stream=init") == digest_of()
    assert digest_of("init_stream=twin") != digest_of()
    raw = load_run("posenc.yaml").dump()
    del raw["tracking"], raw["device"], raw["init_stream"]
    for name in ("checkpoint_every", "compile", "activation_checkpointing"):
        del raw["train"][name]
    raw["data"]["corpus"] = "c"
    assert digest(raw) == digest_of()  # as it was before there were twins


def test_the_digest_covers_the_text() -> None:
    assert digest_of(corpus="a") != digest_of(corpus="b")


def test_a_default_and_its_spelling_out_are_one_run() -> None:
    assert digest_of("train.clip_norm=1.0", "model.dropout=0") == digest_of()
    spelt = "model.attention={kind: multi-head, qk_norm: false, path: sdpa}"
    assert digest_of(spelt, "model.norm_placement=pre", "model.logit_cap=null") == digest_of()
