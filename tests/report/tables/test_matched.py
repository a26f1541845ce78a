"""The sentence on what was alike, against numbers that are put in by hand."""

import math

import pytest

from lab.report.tables.matched import alike, planned

SAME = {"tokens": 1000.0, "parameters": 200.0, "flops": 5e6, "wall-clock": 12.0}


def sizes(asked, **rope):
    return {arm: SAME | (rope if arm == "rope" else {}) for arm in asked.arms}


def test_equal_arms_agree_in_all_that_is_counted(question):
    sentence = "Matched in tokens. Parameters and training FLOPs agree too."
    assert alike(question, sizes(question)) == sentence


@pytest.mark.parametrize(("share", "is_named"), [(1.0049, False), (0.994, True), (1.006, True)])
def test_half_a_per_cent_is_alike(question, share, is_named):
    found = alike(question, sizes(question, parameters=200 * share))
    assert ("Not matched in: parameters (rope " in found) == is_named


def test_the_axis_itself_may_be_missed(question, asking):
    found = alike(asking(match="wall-clock"), sizes(question, **{"wall-clock": 15.0}))
    assert found.startswith("Matched in seconds, but for rope +25.0 %. Tokens, parameters and")


@pytest.mark.parametrize(
    ("seconds", "spread", "is_named"),
    [(12.7, 0.1, True), (12.5, 0.1, False), (12.7, 0.4, False), (11.1, 0.4, True),
     (24.0, math.nan, False)],
)  # fmt: skip
def test_seconds_are_named_where_they_are_more_than_noise(question, seconds, spread, is_named):
    told = sizes(question, **{"wall-clock": seconds})
    told["learned"] = told["learned"] | {"SD of seconds": spread}
    found = alike(question, told)
    assert ("Not matched in: seconds (rope " in found) == is_named
    assert ("seconds" in found) == is_named


def test_what_is_not_known_is_not_claimed(question, asking):
    known = {arm: {"parameters": 200.0} for arm in question.arms}
    assert alike(question, known) == "Meant to be matched in tokens. Parameters agree too."


def test_counts_are_known_before_anything_is_trained(question):
    learned, rope = (question.variant(arm).model.n_params(97) for arm in ("learned", "rope"))
    share = 100 * (1 - rope / learned)
    assert planned(question, dict.fromkeys(question.arms, 97)) == (
        f"Matched in tokens. Not matched in: parameters (sinusoidal −{share:.1f} %, "
        f"rope −{share:.1f} %), each against learned."
    )


def test_nothing_to_compare_is_nothing_to_say(asking):
    asked = asking(variants={"base": {}}, baseline=None)
    assert planned(asked, {"base": 97}) == ""
