"""How heads share keys and values: counts, refusals, and searches over it."""

from pathlib import Path
from typing import Any

import pytest

from tests.config.asked import BASE, load, refused_model, space_fault
from tests.model.configs import config_of

GROUPS = "model.attention.n_kv_heads"
SHARED = {"kind": "grouped-query", "n_kv_heads": 2}


@pytest.mark.parametrize(
    ("attention", "heads"), [({"kind": "multi-head"}, 4), (SHARED, 2), ({"kind": "multi-query"}, 1)]
)
def test_shared_heads_are_counted_once(attention: dict[str, Any], heads: int) -> None:
    config = config_of(attention=attention, bias=True)
    assert (config.n_kv_heads, config.head_dim) == (heads, 8)
    kv = 8 * heads
    found = config.attention.n_params(d_model=32, n_heads=4, bias=True, norm=config.norm)
    assert found == 2 * 32 * 32 + 2 * 32 * kv + 2 * 32 + 2 * kv


@pytest.mark.parametrize("norm", ["layernorm", "rmsnorm"])
@pytest.mark.parametrize("bias", [False, True])
def test_norms_of_queries_and_keys_are_as_wide_as_a_head(norm: str, bias: bool) -> None:
    without, with_norms = (
        config_of(attention={"kind": "multi-head", "qk_norm": n}, bias=bias, norm={"kind": norm})
        for n in (False, True)
    )
    layer = 2 * 8 * (1 + (bias and norm == "layernorm"))
    assert with_norms.n_params(37) - without.n_params(37) == 2 * layer


@pytest.mark.parametrize(
    ("of_model", "of_attention", "expected"),
    [(False, None, False), (True, None, True), (True, False, False), (False, True, True)],
)
def test_biases_follow_the_model_unless_told(
    of_model: bool, of_attention: bool | None, expected: bool
) -> None:
    config = config_of(bias=of_model, attention={"kind": "multi-head", "bias": of_attention})
    assert config.attention.has_bias(config.bias) == expected


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no divisor": (
        {"n_heads": 8, "attention": {"kind": "grouped-query", "n_kv_heads": 3}},
        "attention.n_kv_heads=3 does not divide n_heads=8; try 2 or 4 or another kind",
    ),
    "more than heads": (
        {"n_heads": 8, "attention": {"kind": "grouped-query", "n_kv_heads": 16}},
        "attention.n_kv_heads=16 does not divide n_heads=8; try 2 or 4 or another kind",
    ),
    "a prime": (
        {"d_model": 35, "n_heads": 5, "attention": SHARED},
        "attention.n_kv_heads=2 does not divide n_heads=5; try another kind",
    ),
    "one group": (
        {"attention": {"kind": "grouped-query", "n_kv_heads": 1}},
        "attention.n_kv_heads=1 serves all heads; take kind: multi-query",
    ),
    "all groups": (
        {"attention": {"kind": "grouped-query", "n_kv_heads": 4}},
        "attention.n_kv_heads=4 of n_heads=4 shares nothing; take kind: multi-head",
    ),
    "one head": (
        {"n_heads": 1, "attention": {"kind": "multi-query"}},
        "attention: with n_heads=1 there is nothing to share; take kind: multi-head",
    ),
    "norms of one number": (
        {"n_heads": 32, "attention": {"kind": "multi-head", "qk_norm": True}},
        "attention.qk_norm leaves of a query or key of head_dim=1 nothing but its sign; take fewer "
        "n_heads than 32, or leave it out",
    ),
    "window of all": (
        {"attention": {"kind": "multi-head", "window": 11}},
        "attention.window=11 hides nothing within max_seq_len=11; take a smaller window, or leave "
        "it out",
    ),
    "window of one": (
        {"attention": {"kind": "multi-head", "window": 1}},
        "attention.window: input should be greater than or equal to 2; got 1",
    ),
    "no groups given": (
        {"attention": {"kind": "grouped-query"}},
        "attention.n_kv_heads: required, but missing",
    ),
    "groups of all": (
        {"attention": {"kind": "multi-head", "n_kv_heads": 2}},
        "attention.n_kv_heads: unknown key; valid: kind, window, qk_norm, bias, path",
    ),
    "path": (
        {"attention": {"kind": "multi-head", "path": "flash"}},
        "attention.path: input should be 'sdpa' or 'plain'; got 'flash'",
    ),
    "kind": (
        {"attention": {"kind": "grouped"}},
        "attention: unknown kind 'grouped'; did you mean 'grouped-query'?",
    ),
    "no kind": (
        {"attention": {"window": 5}},
        "attention: needs a kind, such as {kind: multi-head or grouped-query or multi-query}; got "
        "{'window': 5}",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    choices, sentence = REFUSED[name]
    assert refused_model(**choices) == sentence


def searched(folder: Path, space: dict[str, Any], **model: Any) -> Any:
    base = {**BASE, "model": {**BASE["model"], "n_heads": 8, **model}}
    return load(folder, {"space": space, "trials": 2}, base=base).tune


def test_groups_are_searched_in_a_range(tmp_path: Path) -> None:
    """Three is between, and passed over when it is drawn."""
    tune = searched(tmp_path, {GROUPS: {"low": 2, "high": 4}}, attention=SHARED)
    assert tune.space[GROUPS].integer


def test_groups_are_searched_where_there_are_groups(tmp_path: Path) -> None:
    kinds = {
        "all": {"model.attention": {"kind": "multi-head"}},
        "some": {"model.attention": {"kind": "grouped-query"}},  # how many is the other entry's
    }
    searched(tmp_path, {"heads": kinds, GROUPS: {"low": 2, "high": 4, "when": {"heads": "some"}}})
    without = space_fault(tmp_path, {"heads": kinds})
    assert without.startswith("tune.space.heads.some.model.attention.n_kv_heads: required, but")
    always = space_fault(tmp_path, {"heads": kinds, GROUPS: {"low": 2, "high": 4}})
    assert "give it the condition when: {heads: [some]}" in always


def test_groups_are_no_setting_of_multi_head_attention(tmp_path: Path) -> None:
    said = space_fault(tmp_path, {GROUPS: [2, 4]})
    assert "model.attention.n_kv_heads: unknown key" in said
    near = space_fault(tmp_path, {"model.attention.n_kv_head": {"low": 2, "high": 4}})
    assert near.endswith(f"not a number of this run; did you mean '{GROUPS}'?")


def test_kinds_windows_and_norms_are_searched(tmp_path: Path) -> None:
    searched(tmp_path, {"model.attention.kind": ["multi-head", "multi-query"]})
    searched(tmp_path, {"model.attention.window": [None, 8, 16]})
    searched(tmp_path, {"model.attention.qk_norm": [False, True]})
    said = space_fault(tmp_path, {"model.attention.window": {"low": 8, "high": 64}})
    assert said == (
        "tune.space.high of model: attention.window=64 hides nothing within max_seq_len=64; take "
        "a smaller window, or leave it out"
    )


def test_placements_and_caps_are_searched(tmp_path: Path) -> None:
    searched(tmp_path, {"model.norm_placement": ["pre", "post", "sandwich"]})
    searched(tmp_path, {"model.logit_cap": {"low": 5, "high": 50, "log": True}})
    searched(tmp_path, {"model.logit_cap": [None, 30]})
    said = space_fault(tmp_path, {"model.norm_placement": ["pre", "after"]})
    assert said.endswith("input should be 'pre', 'post' or 'sandwich'; got 'after'")
