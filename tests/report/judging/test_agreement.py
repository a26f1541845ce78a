"""Contrasts that several sweeps asked, with verdicts that are planted."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.config.sweep import SweepConfig
from lab.report.collect import Sweep, open_sweep
from lab.report.judging.agreement import agreement, repeated, sentence

FIXED = {"max_seeds": 6, "test": "fixed", "twin": False}
ANYTIME = {"min_seeds": 4, "max_seeds": 6, "twin": False}
SEEDS = dict.fromkeys(("learned", "sinusoidal", "rope"), 6)


@pytest.fixture
def two(make_sweep: Callable[..., Path], asking: Callable[..., SweepConfig]) -> Callable[..., Any]:
    """The question asked by two tests; the keywords are the second sweep's question."""

    def make(truth: dict[str, Any] | None = None, **parts: Any) -> dict[str, Sweep]:
        fixed = asking(**{"confirm": FIXED, **parts})
        one = make_sweep(asked=asking(confirm=ANYTIME), name="anytime", seeds=SEEDS)
        other = make_sweep(asked=fixed, name="fixed", **{"seeds": SEEDS, "rng": 1, **(truth or {})})
        return {"anytime": open_sweep(one), "fixed": open_sweep(other)}

    return make


def test_the_same_contrast_is_found_whatever_the_test_and_seed(
    two: Callable[..., Any], question: SweepConfig
) -> None:
    base = {**question.dump()["base"], "seed": 700}
    found = repeated(two(base=base))
    assert [each.name for each in found] == ["sinusoidal − learned", "rope − learned"]
    rope = found[1]
    assert rope.outcome == "the same"
    assert [v.kind for v in rope.verdicts.values()] == ["decided", "decided"]
    table = agreement(found)
    assert table is not None
    assert [*table.frame] == ["Contrast", "anytime", "fixed", "Verdicts"]
    assert table.frame["anytime"][1].startswith("decided: −0.2")


def test_other_arms_under_the_same_names_are_another_contrast(
    two: Callable[..., Any], question: SweepConfig
) -> None:
    base = question.dump()["base"]
    wider = {**base, "model": {**base["model"], "d_model": 128}}
    assert repeated(two(base=wider)) == []
    assert sentence([]) == ""
    assert agreement([]) is None


def test_the_same_arms_under_other_names_are_the_same_contrast(two: Callable[..., Any]) -> None:
    variants = {"table": {}, "turned": {"model.position": {"kind": "rope"}}}
    loss = {"table": 2.13, "turned": 1.896}
    truth = {"loss": loss, "best_lr": {}, "seeds": dict.fromkeys(loss, 6)}
    (rope,) = repeated(two(truth, baseline="table", variants=variants))
    assert rope.name == "rope − learned"
    assert rope.outcome == "the same"


def test_a_baseline_of_the_other_side_is_turned(two: Callable[..., Any]) -> None:
    found = {each.name: each for each in repeated(two(baseline="rope"))}
    (name,) = found  # sinusoidal against rope was asked once only
    both = found[name].verdicts
    assert found[name].outcome == "the same"
    assert {v.variant for v in both.values()} <= {"rope", "learned"}
    assert len({v.variant for v in both.values()}) == 1
    signs = {v.difference < 0 for v in both.values()}
    assert len(signs) == 1
    assert all(v.low < v.difference < v.high for v in both.values())


def test_what_differs_is_told(two: Callable[..., Any]) -> None:
    opposite = {"learned": 1.9, "sinusoidal": 2.128, "rope": 2.3}
    found = repeated(two({"loss": opposite}))
    outcomes = {each.name: each.outcome for each in found}
    assert outcomes["rope − learned"] == "different"
    assert "the verdicts differ" in sentence(found)


@pytest.mark.parametrize(
    ("kinds", "outcome"),
    [
        (("decided", "decided"), "the same"),
        (("undecided", "undecided"), "the same"),
        (("decided", "undecided"), "settled in some only"),
        (("unstable", "equivalent"), "settled in some only"),
        (("decided", "equivalent"), "different"),
        (("decided", "equivalent", "undecided"), "different"),
    ],
)
def test_outcomes(two: Callable[..., Any], kinds: tuple[str, ...], outcome: str) -> None:
    (first, *_) = repeated(two())
    verdict = next(iter(first.verdicts.values()))
    planted = {f"sweep {n}": replace(verdict, kind=kind) for n, kind in enumerate(kinds)}
    assert replace(first, verdicts=planted).outcome == outcome


def test_counts_are_said(two: Callable[..., Any]) -> None:
    found = repeated(two())
    verdict = next(iter(found[0].verdicts.values()))
    same = replace(found[0], verdicts={"a": verdict, "b": verdict})
    open_ = replace(verdict, kind="undecided" if verdict.kind == "decided" else "decided")
    half = replace(found[0], verdicts={"a": verdict, "b": open_})
    assert sentence([same, same, half]).startswith(
        "2 of 3 comparisons that were asked more than once reach the same verdict."
    )
    assert sentence([same]) == (
        "1 of 1 comparison that was asked more than once reaches the same verdict."
    )


def test_a_verdict_that_may_still_change_is_left_out(two: Callable[..., Any]) -> None:
    begun = two({"seeds": dict.fromkeys(SEEDS, 2)})  # a fixed test has not looked yet
    assert repeated(begun) == []
