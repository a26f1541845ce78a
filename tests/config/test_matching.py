"""Matching, against a search of all whole numbers nearby."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.matching import (
    STEPS,
    WIDTH,
    kept_matched,
    matching,
    require_matchable,
    require_matched,
    require_taken,
    unmatched,
)
from lab.config.model import ModelConfig
from lab.config.sweep import SweepConfig
from lab.errors import ConfigError
from tests.config.asked import BASE, LR, RATE

VOCAB = 97
SHAPES = st.fixed_dictionaries(
    {
        "n_layers": st.integers(1, 4),
        "d_model": st.sampled_from((32, 48, 64)),
        "kind": st.sampled_from(("gelu", "swiglu", "geglu", "relu2")),
        "bias": st.booleans(),
    }
)


def asked(match: str, other: dict[str, object], **parts: object) -> SweepConfig:
    variants = {"plain": {}, "other": other}
    return SweepConfig.parse(
        {"question": "q?", "base": BASE, "variants": variants, "match": match, **parts}
    )


def vocab_sizes(question: SweepConfig) -> dict[str, int]:
    return dict.fromkeys(question.arms, VOCAB)


def found(question: SweepConfig, **seconds: float) -> dict[str, dict[str, object]]:
    return matching(question, vocab_sizes=vocab_sizes(question), seconds=seconds or None)


def fragment(shape: dict[str, object]) -> dict[str, object]:
    kind = {"model.mlp": {"kind": shape["kind"]}}
    return {f"model.{k}": v for k, v in shape.items() if k != "kind"} | kind


def flops(question: SweepConfig, arm: str, steps: int) -> int:
    run = unmatched(question, arm)
    return steps * run.tokens_per_step * run.model.flops_per_token(VOCAB)


def test_tokens_change_nothing() -> None:
    assert found(asked("tokens", {"model.n_layers": 4})) == {}


@settings(deadline=None, max_examples=30, database=None)
@given(shape=SHAPES, batch_size=st.integers(8, 32))
def test_flops_come_as_near_as_whole_steps_allow(shape: dict[str, object], batch_size: int) -> None:
    question = asked("flops", fragment(shape) | {"train.batch_size": batch_size})
    target = flops(question, "plain", 400)
    steps = found(question).get("other", {STEPS: 400})[STEPS]
    assert isinstance(steps, int)
    gap = abs(flops(question, "other", steps) - target)
    for near in (steps - 1, steps + 1):
        assert gap <= abs(flops(question, "other", near) - target)


@settings(deadline=None, max_examples=30, database=None)
@given(shape=SHAPES)
def test_parameters_come_as_near_as_a_whole_width_allows(shape: dict[str, object]) -> None:
    question = asked("parameters", fragment({**shape, "n_layers": 2, "d_model": 48}))
    run = unmatched(question, "other")
    target = unmatched(question, "plain").model.n_params(VOCAB)
    width = found(question).get("other", {WIDTH: run.model.d_ff})[WIDTH]
    assert isinstance(width, int)

    def gap(d_ff: int) -> int:
        mlp = {**run.model.mlp.dump(), "d_ff": d_ff}
        return abs(ModelConfig.parse({**run.model.dump(), "mlp": mlp}).n_params(VOCAB) - target)

    assert gap(width) == min(gap(near) for near in range(max(1, width - 3), width + 4))


def test_seconds_are_made_equal_by_steps() -> None:
    question = asked("wall-clock", {"train.batch_size": 32})
    assert found(question, plain=2e-5, other=1e-5) == {"other": {STEPS: 400}}
    assert found(question, plain=2e-5, other=3e-5) == {"other": {STEPS: 133}}


def test_each_scale_has_its_own_reference() -> None:
    scales = {"small": {"model.d_model": 32}, "large": {STEPS: 800}}
    question = asked("flops", {"train.batch_size": 32}, scales=scales)
    assert found(question) == {"other@small": {STEPS: 200}, "other@large": {STEPS: 400}}


def test_combinations_are_matched_with_the_first_levels() -> None:
    factors = {
        "batch": {"half": {}, "whole": {"train.batch_size": 32}},
        "position": {"learned": {}, "rope": {"model.position": {"kind": "rope"}}},
    }
    question = SweepConfig.parse({"question": "q?", "base": BASE, "factors": factors,
                                  "match": "flops"})  # fmt: skip
    assert found(question) == {"whole+learned": {STEPS: 200}, "whole+rope": {STEPS: 200}}


def test_what_matching_changed_is_what_is_trained() -> None:
    question = asked("parameters", {"model.position": {"kind": "rope"}})
    matched = found(question)
    question = SweepConfig.parse(question.dump() | {"matched": matched})
    assert question.variant("other").model.d_ff == matched["other"][WIDTH]
    assert found(question) == matched
    require_matched(question, matched)


@pytest.mark.parametrize(
    ("match", "other", "parts", "says"),
    [
        ("parameters", {"model.mlp": {"kind": "none"}}, {}, "has no MLP"),
        ("parameters", {"model.d_model": 512}, {}, "even with model.mlp.d_ff=1"),
        ("parameters", {"model.mlp": {"kind": "gelu", "d_ff": 9}}, {}, "sets it to 9 by itself"),
        ("flops", {"train.steps": 100}, {}, "sets it to 100 by itself"),
        ("wall-clock", {"train": {**BASE["train"], "steps": 90}}, {}, "sets it to 90 by itself"),
        ("flops", {"model.n_layers": 40}, {}, "warmup_steps=40 leaves nothing of steps="),
        ("flops", {}, {"train.batch_size": [8, 16]}, "the search changes train.batch_size"),
        ("parameters", {}, {"model.dropout": [0.0, 0.1]}, "the search changes model.dropout"),
    ],
)
def test_what_cannot_be_made_equal_is_refused(
    match: str, other: dict[str, object], parts: dict[str, object], says: str
) -> None:
    tune = {"tune": {"trials": 2, "space": parts}} if parts else {}
    question = asked(match, other or {"model.position": {"kind": "rope"}}, **tune)
    with pytest.raises(ConfigError, match=says):
        found(question, **(dict.fromkeys(question.arms, 1e-5) if match == "wall-clock" else {}))


def test_a_search_for_the_rate_costs_all_alike() -> None:
    tune = {"trials": 2, "space": {LR: RATE}}
    require_matchable(asked("flops", {"model.n_layers": 3}, tune=tune))


@pytest.mark.parametrize(
    "matched", [{"other": {STEPS: 7}}, {"plain": {STEPS: 200}}, {"other": {WIDTH: 9}}]
)
def test_what_is_matched_by_hand_must_fit(matched: dict[str, dict[str, int]]) -> None:
    question = asked("flops", {"train.batch_size": 32}, matched=matched)
    with pytest.raises(ConfigError, match="leave matched out"):
        require_matched(question, found(question))


@pytest.mark.parametrize(
    "matched", [{"plain": {STEPS: 200}}, {"other": {WIDTH: 9}}, {"other": {STEPS: 2, WIDTH: 9}}]
)
def test_what_was_measured_is_taken_if_it_could_have_been(
    matched: dict[str, dict[str, int]],
) -> None:
    other = {"model.position": {"kind": "rope"}}
    require_taken(asked("wall-clock", other, matched={"other": {STEPS: 371}}))
    with pytest.raises(ConfigError, match="leave matched out"):
        require_taken(asked("wall-clock", other, matched=matched))


def test_what_was_measured_stands_while_the_runs_are_the_same() -> None:
    other = {"model.position": {"kind": "rope"}}
    matched = {"other": {STEPS: 371}}
    question = asked("wall-clock", other)
    plan = {"resolved": question.dump() | {"matched": matched}}
    assert kept_matched(plan, question) == matched
    assert kept_matched(plan, asked("wall-clock", other, confirm={"max_seeds": 9})) == matched
    assert kept_matched(plan, asked("wall-clock", {**other, "model.n_layers": 3})) is None
    assert kept_matched({}, question) is None
