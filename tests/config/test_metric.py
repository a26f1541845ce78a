"""What a confirmation is judged by: named, refused where it means nothing, shared where it does."""

import pytest

from lab.config.metric import length_of
from tests.config.asked import BASE, LEARNED, LR, ROPE, SINES, fault, load

LENGTHS = {**BASE, "evaluate": {"lengths": [64, 256]}}
TASK = {**BASE, "data": {"corpus": {"kind": "markov"}}}
THREE = {"rope": ROPE, "learned": LEARNED, "sines": SINES}


def judged_by(metric, base=BASE, **more):
    return {"base": base, "confirm": {"max_seeds": 4, "metric": metric}, **more}


@pytest.mark.parametrize(
    ("metric", "base", "endpoint"),
    [
        (None, BASE, "test/loss"),
        ("loss", BASE, "test/loss"),
        ("bpb", BASE, "test/bpb"),
        ("loss@256", LENGTHS, "test/loss@256"),
        ("excess", TASK, "test/excess"),
        (None, TASK, "test/loss"),
    ],
)
def test_the_endpoint_is_the_metric_on_the_split_that_is_judged(tmp_path, metric, base, endpoint):
    question = load(tmp_path, {}, **judged_by(metric, base, variants={"rope": ROPE, "b": SINES}))
    assert question.endpoint == endpoint
    assert question.tuning_metric == ("val/bpb" if metric == "bpb" else "val/loss")
    assert [contrast.a for contrast in question.judged] == ["b"]
    assert question.endpoint_of("b") == endpoint


@pytest.mark.parametrize(
    ("metric", "base", "says"),
    [
        ("los", BASE, "'los' is no metric of a confirmation; did you mean 'loss'?"),
        ("loss@", LENGTHS, "'loss@' is no metric of a confirmation; did you mean"),
        ("excess", BASE, "'excess' is known of tasks alone, whose best possible loss is; take"),
        ("bpb", TASK, "'bpb' is of text alone, for a task's symbols are no bytes; take 'loss'"),
        (
            "loss@128",
            LENGTHS,
            "'loss@128' is judged at none of the lengths in base.evaluate.lengths=[64, 256]; "
            "add 128 to them, or take 'loss'",
        ),
    ],
)
def test_a_metric_that_is_not_there_is_refused(tmp_path, metric, base, says):
    assert fault(tmp_path, None, **judged_by(metric, base)).startswith(f"confirm.metric: {says}")


def test_tokens_of_different_tokenizers_are_not_compared(tmp_path):
    kinds = {"char": {}, "byte": {"data.tokenizer": {"kind": "byte"}}}
    for metric in ("loss", "loss@256"):
        text = fault(tmp_path, None, **judged_by(metric, LENGTHS, variants=kinds))
        assert text.endswith(
            "cannot be compared between tokenizers, whose tokens differ; take 'bpb'"
        )
    assert load(tmp_path, None, **judged_by("bpb", variants=kinds)).endpoint == "test/bpb"


def test_a_variant_without_an_answer_is_not_compared(tmp_path):
    question = load(tmp_path, None, **judged_by("loss@256", LENGTHS, variants=THREE))
    assert question.comparisons == ["learned", "sines"]
    assert [contrast.a for contrast in question.judged] == ["sines"]
    assert [question.answers(name) for name in THREE] == [True, False, True]
    assert question.endpoint_of("learned") == "test/loss"
    at_64 = load(tmp_path, None, **judged_by("loss@64", LENGTHS, variants=THREE))
    assert [contrast.a for contrast in at_64.judged] == ["learned", "sines"]


def test_the_baseline_needs_an_answer_and_so_does_another(tmp_path):
    text = fault(
        tmp_path, None, **judged_by("loss@256", LENGTHS, variants=THREE, baseline="learned")
    )
    assert text == (
        "confirm.metric: 'loss@256' has no answer from the baseline 'learned', whose positions end "
        "at 64 tokens; take another baseline, or judge at a length that it has"
    )
    two = {"rope": ROPE, "learned": LEARNED}
    text = fault(tmp_path, None, **judged_by("loss@256", LENGTHS, variants=two))
    assert "has an answer from the baseline 'rope' alone" in text


def test_a_search_must_not_decide_who_has_an_answer(tmp_path):
    space = {LR: {"low": 0.001, "high": 0.1}, "model.max_seq_len": [64, 256]}
    text = fault(tmp_path, {"space": space}, **judged_by("loss@256", LENGTHS, variants=THREE))
    assert text == (
        "tune.space.model.max_seq_len: decides whether 'learned' has an answer at 256 tokens, by "
        "which confirm.metric judges; fix it, or judge by 'loss'"
    )
    without = {"rope": ROPE, "sines": SINES}
    assert load(tmp_path, {"space": space}, **judged_by("loss@256", LENGTHS, variants=without))


def test_all_variants_and_trials_are_judged_alike(tmp_path):
    lengths = {"rope": ROPE, "sines": {**SINES, "evaluate.tokens": 512}}
    text = fault(tmp_path, None, variants=lengths)
    assert text == (
        "variants.sines.evaluate.tokens: all variants are judged alike; set base.evaluate.tokens"
    )
    text = fault(tmp_path, {"space": {"evaluate.tokens": [64, 128]}})
    assert text == (
        "tune.space.evaluate.tokens: evaluate.tokens is how all trials are judged; "
        "set base.evaluate.tokens"
    )


def test_what_is_better_when_higher_is_confirmed_by_the_loss(tmp_path):
    tune = {"objective": {"metric": "val/accuracy", "direction": "maximize"}}
    assert load(tmp_path, tune, base=TASK, confirm={"max_seeds": 3}).endpoint == "test/loss"


def test_the_length_that_a_metric_names():
    found = [length_of(m) for m in ("test/loss@256", "test/loss", "val/loss@", "val/loss@x")]
    assert found == [256, None, None, None]
