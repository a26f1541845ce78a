"""Variants, factors and scales: what is trained, what is compared, and what is refused."""

import json

import pytest

from lab.config.loading import load_sweep
from lab.config.sweep import SweepConfig
from lab.errors import ConfigError

POSITION = {"learned": {}, "rope": {"model.position": {"kind": "rope"}}}
NORM = {"layernorm": {}, "rmsnorm": {"model.norm": {"kind": "rmsnorm"}}}
SCALES = {"small": {"model.d_model": 32}, "large": {"model.d_model": 64}}
BASE = {
    "data": {"corpus": {"kind": "python-docs"}, "tokenizer": {"kind": "char"}},
    "model": {"n_layers": 1, "n_heads": 2, "d_model": 16, "max_seq_len": 32},
    "train": {"steps": 20, "batch_size": 2, "optimizer": {"kind": "adamw", "lr": 0.003}},
}
CONFIRM = {"max_seeds": 8}


@pytest.fixture
def ask(tmp_path):
    def load(**parts):
        raw = {"question": "Which?", "base": BASE, "confirm": CONFIRM, **parts}
        file = tmp_path / "question.yaml"
        file.write_text(json.dumps({k: v for k, v in raw.items() if v is not None}))
        return load_sweep(file)

    return load


def names(question):
    return [contrast.name for contrast in question.contrasts]


def test_variants_are_compared_with_the_baseline(ask):
    question = ask(variants={**POSITION, "none": {"model.position": {"kind": "none"}}})
    assert list(question.arms) == ["learned", "rope", "none"] == list(question.variants)
    assert names(question) == ["rope − learned", "none − learned"]
    assert question.twins == {"learned-twin": "learned"}
    assert question.comparisons == ["rope", "none"]


def test_all_pairs_on_request(ask):
    question = ask(
        variants={**POSITION, "none": {"model.position": {"kind": "none"}}}, compare="all"
    )
    assert names(question) == ["rope − learned", "none − learned", "none − rope"]
    question = ask(variants=POSITION, compare="all", baseline="rope")
    assert names(question) == ["learned − rope"]


def test_factors_are_all_combinations(ask):
    question = ask(factors={"position": POSITION, "norm": NORM})
    assert list(question.arms) == [
        "learned+layernorm", "learned+rmsnorm", "rope+layernorm", "rope+rmsnorm"
    ]  # fmt: skip
    assert question.reference == "learned+layernorm"
    model = question.variant("rope+rmsnorm").model
    assert (model.position.kind, model.norm.kind) == ("rope", "rmsnorm")
    assert [contrast.effect for contrast in question.contrasts] == ["main", "main", "interaction"]
    assert question.twins == {"learned+layernorm-twin": "learned+layernorm"}


def test_scales_repeat_the_comparison(ask):
    question = ask(variants=POSITION, scales=SCALES, baseline="rope")
    assert list(question.arms) == ["learned@small", "rope@small", "learned@large", "rope@large"]
    assert names(question) == ["learned@small − rope@small", "learned@large − rope@large"]
    assert question.variant("learned@large").model.d_model == 64
    assert question.reference_of("learned@large") == "rope@large"
    assert (question.scale_of("rope@large"), question.variant_of("rope@large")) == ("large", "rope")
    assert question.twins == {"rope-twin@small": "rope@small", "rope-twin@large": "rope@large"}
    assert [contrast.scale for contrast in question.controls] == ["small", "large"]


def test_a_size_may_be_a_scale_and_a_variant_changes_it(ask):
    none = {"learned": POSITION["learned"] | {"model.position": {"kind": "learned"}}}
    question = ask(
        variants={**none, "none": {"model.position": {"kind": "none"}}},
        scales={"small": {"model.d_model": 32}, "tiny": {"model": "tiny"}},
    )
    assert question.variant("none@tiny").model.position.kind == "none"
    assert question.variant("none@tiny").model.d_model != 32


def test_a_twin_differs_by_its_initial_values_alone(ask):
    question = ask(variants=POSITION)
    twin, own = question.variant("learned-twin"), question.variant("learned")
    assert twin.init_stream == "twin"
    assert twin.replaced({"init_stream": "init"}) == own


@pytest.mark.parametrize(
    ("confirm", "has"),
    [({"max_seeds": 6}, True), ({"max_seeds": 5}, False), ({"max_seeds": 20, "twin": False}, False),
     ({"max_seeds": 4, "twin": True}, True)],
)  # fmt: skip
def test_twins_come_with_enough_seeds_or_on_request(ask, confirm, has):
    assert bool(ask(variants=POSITION, confirm=confirm).twins) is has


def test_what_is_kept_is_what_was_asked(ask):
    for parts in (
        {"variants": POSITION, "scales": SCALES, "compare": "all"},
        {"factors": {"position": POSITION, "norm": NORM}, "scales": SCALES},
    ):
        question = ask(**parts)
        assert SweepConfig.parse(question.dump()) == question
        assert SweepConfig.parse(question.dump()).arms == question.arms


LR = "train.optimizer.lr"
SAME = {"model.position.kind": "none"}
SEARCH = {"trials": 4, "space": {LR: {"low": 0.001, "high": 0.01, "log": True}}}


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        (
            {"factors": {"position": POSITION, "norm": NORM}, "variants": POSITION},
            "factors name the variants by themselves: leave out variants, or factors",
        ),
        (
            {"factors": {"position": POSITION, "norm": NORM}, "baseline": "rope"},
            "baseline 'rope': with factors it is the first level of each",
        ),
        ({"factors": {"position": POSITION}}, "factors: 'position' alone has variants"),
        (
            {"factors": {"position": POSITION, "norm": {"layernorm": {}}}},
            "factors.norm: give two levels or more",
        ),
        (
            {"factors": {"position": POSITION, "norm": NORM}, "compare": "all"},
            "compare: all is for variants",
        ),
        ({"variants": POSITION, "scales": {"small": {}}}, "scales: 'small' alone is what base is"),
        ({"scales": SCALES}, "scales: there is nothing to compare"),
        ({"tune": SEARCH, "compare": "all"}, "compare: all: there is nothing to compare"),
        ({"match": "flops"}, "match: flops: there is nothing to compare"),
        ({"confirm": {"max_seeds": 4, "twin": True}}, "confirm.twin: a twin checks comparisons"),
        (
            {"variants": {**POSITION, "learned-twin": {"model.norm": {"kind": "rmsnorm"}}}},
            "variant 'learned-twin' has the name of learned's twin",
        ),
        ({"variants": {"a@b": {}, **POSITION}}, "variant 'a@b' names folders"),
        ({"variants": POSITION, "scales": {"a+b": {}, "c": {"model.d_model": 8}}}, "scale 'a+b'"),
        (
            {"variants": POSITION, "scales": {"s": {}, "l": {"model.position": {"kind": "none"}}}},
            "scales.l.model.position: is set by variants.rope.model.position too",
        ),
        (
            {"factors": {"position": POSITION, "other": {"a": {}, "b": SAME}}},
            "factors.other.b.model.position.kind: is set by factors.position.rope.model.position",
        ),
        (
            {"variants": POSITION, "scales": {"s": {}, "l": {LR: 0.1}}, "tune": SEARCH},
            "scales.l.train.optimizer.lr: is tuned, so no scale may fix it",
        ),
        ({"variants": POSITION, "scales": {"s": {}, "l": {"seed": 3}}}, "scales.l.seed: seeds are"),
        (
            {"variants": {**POSITION, "again": {"init_stream": "twin"}}},
            "variants.again.init_stream: is what the twin control changes; use confirm.twin",
        ),
        (
            {"variants": POSITION, "scales": {"s": {}, "l": {"model.d_model": 33}}},
            "scales.l.",
        ),
        ({"variants": POSITION, "matched": {"x": {}}}, "matched: 'x' is no arm of this question"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_a_sentence(ask, parts, says):
    with pytest.raises(ConfigError, match=f".*{says}".replace("+", r"\+")):
        ask(**parts)
